"""The form of a host: what an administrator enters. services.backends judges it; here it is only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from jobs.models import Backend
from jobs.models.backends import MODEL_PROFILES
from jobs.views import profile_fields

NUMBERS = ("slots", "queue_ahead", "max_model_len", "default_dpi", "max_dpi")
FIELDS = ("base_url", "model", "model_profile", *NUMBERS, "streaming", "gpu_exporter_url", "notes")
PROFILES = {"deepseek-ocr": "DeepSeek-OCR", "tesseract": "tesseract"}


class HostForm(forms.Form):
    """`api_key` goes one way: what is stored is never put into a page."""

    name = forms.CharField(max_length=63, help_text="Rules and figures refer to it: it cannot be changed later.")
    base_url = forms.CharField(
        label="Address",
        max_length=300,
        help_text="Without /v1, inside OCRSITE_BACKEND_ALLOWED_CIDRS.",
        widget=forms.TextInput(
            attrs={"placeholder": "http://10.0.0.5:8000", "inputmode": "url", "spellcheck": "false"}
        ),
    )
    api_key = forms.CharField(
        label="API key",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    remove_api_key = forms.BooleanField(label="Remove the key that is kept", required=False)
    model = forms.CharField(
        max_length=200, initial="deepseek-ai/DeepSeek-OCR", help_text="As the host names it under /v1/models."
    )
    model_profile = forms.ChoiceField(
        label="Read as",
        choices=[(name, PROFILES.get(name, name)) for name in MODEL_PROFILES],
        help_text="How the model is asked, and how its answer is understood.",
    )
    slots = forms.IntegerField(label="Pages at once", initial=4, help_text="What --max-num-seqs says there.")
    queue_ahead = forms.IntegerField(
        label="Sent ahead", initial=1, help_text="Pages sent beyond that, so that the host never waits."
    )
    max_model_len = forms.IntegerField(
        label="Context length", initial=8192, help_text="In tokens, as --max-model-len there. Checked by the self-test."
    )
    default_dpi = forms.IntegerField(
        label="Usual resolution", initial=200, help_text="In dpi. DeepSeek-OCR gains nothing beyond about 200."
    )
    max_dpi = forms.IntegerField(
        label="Highest resolution", initial=200, help_text="In dpi: finer pages are scaled down."
    )
    streaming = forms.BooleanField(
        label="Stream the answers",
        required=False,
        help_text="Only for vLLM before 0.17, which cannot stop a loop itself.",
    )
    gpu_exporter_url = forms.CharField(
        label="GPU exporter",
        max_length=300,
        required=False,
        help_text="Of dcgm-exporter or nvidia_gpu_exporter there: the GPU’s memory, use and power are then shown.",
        widget=forms.TextInput(
            attrs={"placeholder": "http://10.0.0.5:9400", "inputmode": "url", "spellcheck": "false"}
        ),
    )
    notes = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    shipped = profile_fields.shipped_choice()

    def __init__(self, *args: Any, backend: Backend | None = None, **kwargs: Any) -> None:
        self.backend = backend
        if backend is not None:
            kwargs["initial"] = {name: getattr(backend, name) for name in FIELDS}
        super().__init__(*args, **kwargs)
        if backend is not None:
            del self.fields["name"]
            self.fields |= profile_fields.fields_of(backend)
        if backend is None or not backend.api_key_set:
            del self.fields["remove_api_key"]
        if backend is not None and backend.built_in:
            # Where it listens and how many pages it takes follows from the machine at each start.
            for name in ("base_url", "api_key", "slots"):
                del self.fields[name]
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"id_{name}_help"

    @property
    def profile(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Headings and fields of its profile; none for a host that is only being added."""
        return [] if self.backend is None else profile_fields.sections(self)

    def changes(self) -> dict[str, Any]:
        """What services.backends takes: on editing only what changed. Call it on a valid form."""
        said = self.cleaned_data
        # A field that was not sent at all keeps its value; only a box that is not ticked is never sent.
        sent = {name for name in self.changed_data if name in self.data or name == "streaming"}
        wanted = FIELDS if self.backend is None else sent
        fields = {name: said[name] for name in FIELDS if name in wanted and name in said}
        fields |= profile_fields.changes(self.backend, said, sent)
        if said.get("api_key") or said.get("remove_api_key"):
            fields["api_key"] = said.get("api_key", "")
        return fields

    def refuse(self, message: str, fields: Mapping[str, str]) -> None:
        """What the service refused: each reason beside its field, what names none above the form."""
        for name, reason in fields.items():
            self.add_error(name if name in self.fields else None, reason)
        if not fields:
            self.add_error(None, message)
