"""The form of a backend: its fields as the services take them."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from jobs.admin.refusals import RefusableForm
from jobs.models import Backend

OBJECTS = ("hardware", "launch", "expected", "costs")


class IndentedJson(forms.JSONField):
    """JSON with a line for each entry, as a person reads and edits it."""

    def __init__(self, **kwargs: Any) -> None:
        # Django would compare with a hidden copy in the page, because the default is made by a call.
        super().__init__(**{**kwargs, "show_hidden_initial": False})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


class BackendForm(RefusableForm):
    """`api_key` goes one way: what is stored is never put into a page."""

    api_key = forms.CharField(
        label="API key",
        required=False,
        strip=True,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Write only. Leave it empty to keep the key as it is; a new address needs its key anew.",
    )
    remove_api_key = forms.BooleanField(label="Remove the API key", required=False)

    class Meta:
        model = Backend
        fields = (
            "name", "base_url", "model", "model_profile", "kind", "lifecycle", "slots", "queue_ahead", "max_model_len",
            "default_dpi", "max_dpi", "streaming", "gpu_exporter_url", *OBJECTS, "notes",
        )  # fmt: skip
        field_classes = dict.fromkeys(OBJECTS, IndentedJson)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "lifecycle" in self.fields:
            # Checking is what the site does in between, no state to ask for.
            words = ["planned", "active", "draining", "disabled"]
            words += ["checking"] if self.instance.lifecycle == "checking" else []
            self.fields["lifecycle"].choices = [(word, word) for word in words]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in OBJECTS:
            if name in cleaned and not isinstance(cleaned[name] or {}, dict):
                self.add_error(name, 'Use an object, such as {"gpu": "RTX 4090", "memory_gib": 24}.')
        return cleaned

    def changes(self) -> dict[str, Any]:
        """What services.backends takes: the changed fields but the lifecycle. Call it on a valid form."""
        apart = {"name", "lifecycle", "api_key", "remove_api_key"}
        fields = {name: self.cleaned_data[name] for name in self.changed_data if name not in apart}
        for name in set(OBJECTS) & set(fields):
            fields[name] = fields[name] or {}
        if self.cleaned_data["api_key"] or self.cleaned_data.get("remove_api_key"):
            fields["api_key"] = self.cleaned_data["api_key"]
        return fields
