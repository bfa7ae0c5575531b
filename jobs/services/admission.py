"""Is a host fit to take work? A self-test, step by step, before a backend is put to work or when somebody asks.

A step that fails keeps the host out; those after it that would make no sense then are named, and not tried. What is
odd but harmless passes with a warning, which stays with the backend until the next self-test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from jobs import errors
from jobs.domain import chat, versions
from jobs.domain.failures import Blame, Outcome
from jobs.gateways import images
from jobs.models import Backend, BackendHealth
from jobs.services import asking, canary, concurrency

SHORTEST_CONTEXT = chat.IMAGE_TOKENS_RESERVE + 256  # an image, and the fewest tokens that are ever asked for
NGRAM_STEP, LOADED = "n-gram processor", "It is loaded."
NGRAM_SECONDS = 10.0  # refused at once where the processor is loaded, and one token long where it is not


@dataclass(frozen=True)
class Step:
    """One step of a self-test: its name, whether it passed, and a sentence. `tried` False: an earlier one failed."""

    name: str
    passed: bool
    message: str
    tried: bool = True


@dataclass(frozen=True)
class SelfTest:
    """`warnings`: what is odd about the host, though it may work."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)

    @property
    def reason(self) -> str:
        return next((step.message for step in self.steps if not step.passed), "")


def self_test(backend: Backend) -> SelfTest:
    """Is this host fit to take work? Contacts it, and nobody else; every call has its deadline."""
    return _Test(backend).run()


def store(backend: Backend, result: SelfTest, *, forced: bool = False) -> None:
    """Keep the newest self-test with the backend's health, for the screen and for the probes' warnings."""
    steps = [
        {
            "name": step.name,
            "passed": step.passed,
            "message": step.message,
            "overruled": forced and not step.passed,
            "tried": step.tried,
        }
        for step in result.steps
    ]
    newest = {
        "at": timezone.now().isoformat(),
        "passed": result.passed,
        "forced": forced,
        "steps": steps,
        "warnings": list(result.warnings),
    }
    health, _ = BackendHealth.objects.get_or_create(backend=backend)
    backend.health = health
    health.self_test = newest
    health.warnings = asking.warnings(backend, health.served_max_model_len, health.version)
    health.save(update_fields=["self_test", "warnings"])


def processor_loaded(tested: Mapping[str, Any]) -> bool | None:
    """Whether the newest self-test found the n-gram processor loaded; None where it could not be told."""
    messages = [step["message"] for step in tested.get("steps", ()) if step["name"] == NGRAM_STEP]
    if not messages:
        return None
    missing = versions.without_processor("")
    return True if messages[0] == LOADED else False if messages[0].startswith(missing) else None


class Failed(Exception):
    """A step failed; the message is a sentence."""


@dataclass
class _Test:
    """One self-test while it runs. `failed`: the steps that did, and those not tried because of them."""

    backend: Backend
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    model: asking.Serves = field(default_factory=asking.Serves)
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self) -> SelfTest:
        self._step("reachable", self._reachable)
        self._step("key", self._key, needs=("reachable",))
        self._step("model", self._model, needs=("key",))
        self._step("context length", self._context_length, needs=("model",))
        self._step("version", self._version, needs=("reachable",))
        if self.backend.model_profile == "deepseek-ocr":
            self._step(NGRAM_STEP, self._ngram_processor, needs=("model",))
        self._step("canary page", self._canary, needs=("model",))
        self._step("streaming", self._streaming, needs=("canary page",))
        self._step("concurrency", self._concurrency, needs=("canary page",))
        return SelfTest(tuple(self.steps), tuple(self.warnings))

    def _step(self, name: str, work: Callable[[], str], needs: tuple[str, ...] = ()) -> None:
        missing = next((other for other in needs if other in self.failed), None)
        if missing:
            self._note(Step(name, False, f"Not tried: the step “{missing}” did not pass.", tried=False))
            return
        try:
            self._note(Step(name, True, work()))
        except Failed as error:
            self._note(Step(name, False, str(error)))
        except (errors.BackendFailed, errors.RequestRefused, errors.Unavailable) as error:
            self._note(Step(name, False, error.message))

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        if not step.passed:
            self.failed.add(step.name)

    def _warn(self, words: str) -> str:
        self.warnings.append(words)
        return words

    def _reachable(self) -> str:
        asking.reachable(self.backend)
        return "It answers."

    def _key(self) -> str:
        try:
            self.model = asking.served(self.backend)
        except errors.BackendFailed as error:
            if error.failure.outcome is Outcome.MISCONFIGURED and "key" not in error.message:
                self.model = asking.Serves(error.message)  # the key is not what is wrong
            else:
                raise
        return "Its key is accepted." if self.backend.api_key_set else "It asks for no key."

    def _model(self) -> str:
        if self.model.problem:
            raise Failed(self.model.problem)
        self.facts = asking.told(self.backend, self.model).facts
        BackendHealth.objects.update_or_create(backend=self.backend, defaults=self.facts)
        return f"It serves {self.backend.model}."

    def _context_length(self) -> str:
        served, profile = self.model.max_model_len, self.backend.max_model_len
        if served is None:
            return f"It does not tell; its profile says {profile} tokens."
        if served < SHORTEST_CONTEXT:
            raise Failed(f"A context of {served} tokens does not hold a page: {SHORTEST_CONTEXT} are the least.")
        if served < profile:
            return f"It serves a context of {served} tokens; its profile says {profile}."
        return f"{served} tokens."

    def _version(self) -> str:
        version = str(self.facts.get("version") or asking.version_of(self.backend))
        if not version:
            return "Its version is not told."
        if old := versions.too_old(version, self.backend.model_profile):
            raise Failed(old)
        return f"Version {version}."

    def _ngram_processor(self) -> str:
        """A size of 0 is refused where the processor is loaded, and not looked at where it is not (recorded)."""
        body = chat.build_body(
            model=self.backend.model, image=images.canary(), prompt="Free OCR.", max_tokens=1, ngram_size=None
        )
        body["vllm_xargs"] = {"ngram_size": 0}
        try:
            with canary.slot(self.backend):
                canary.send(self.backend, body, longest_seconds=NGRAM_SECONDS)
        except errors.Conflict as error:
            return f"Not tried. {error.message}"
        except errors.BackendFailed as error:
            if error.failure.blame is Blame.PAGE and "ngram" in error.failure.detail.lower():
                return LOADED
            return self._warn(f"It could not be told whether the n-gram processor is loaded. {error.message}")
        return self._warn(versions.without_processor(str(self.facts.get("version") or "")))

    def _canary(self) -> str:
        try:
            with canary.slot(self.backend):
                text = canary.read(self.backend)
        except errors.Conflict as error:
            return error.message
        except errors.BackendFailed as error:
            raise Failed(f"The canary page was not read. {error.message}") from None
        if canary.was_read(text):
            return "The canary page was read."
        self._warn("It answered the canary page, but read it wrongly.")
        return "It answered, but read the canary page wrongly: check the model."

    def _streaming(self) -> str:
        try:
            with canary.slot(self.backend):
                canary.read(self.backend, stream=not self.backend.streaming)
        except errors.Conflict as error:
            return f"Not tried. {error.message}"
        except errors.BackendFailed as error:
            other = "a plain answer" if self.backend.streaming else "a stream"
            return self._warn(f"Asked for {other} it failed, though its pages are read. {error.message}")
        return "Streamed answers arrive whole."

    def _concurrency(self) -> str:
        return concurrency.measure(self.backend)
