"""Is a host fit to take work? A self-test, step by step, before a backend is put to work or when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

from jobs import errors
from jobs.gateways import images
from jobs.models import Backend, BackendHealth
from jobs.services import health


@dataclass(frozen=True)
class Step:
    """One step of a self-test: its name, whether it passed, and a sentence."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True)
class SelfTest:
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)

    @property
    def reason(self) -> str:
        return next((step.message for step in self.steps if not step.passed), "")


def self_test(backend: Backend) -> SelfTest:
    """Is this host fit to take work? Step by step; the first step that fails ends it."""
    steps: list[Step] = []
    try:
        facts = health.ask(backend)
        BackendHealth.objects.update_or_create(backend=backend, defaults=facts)
        version = f"version {facts['version']}" if facts.get("version") else "its version is not told"
        steps.append(Step("reachable", True, f"It answers, {version}."))
        steps.append(Step("model", True, f"It serves {backend.model}."))
        served = facts["served_max_model_len"]
        steps += [Step("context length", True, m) for m in facts["warnings"]] or [
            Step("context length", True, f"{served or backend.max_model_len} tokens.")
        ]
        steps.append(_canary_step(backend))
    except (errors.BackendFailed, errors.RequestRefused, errors.Unavailable) as error:
        steps.append(Step("model" if steps or isinstance(error, errors.Invalid) else "reachable", False, error.message))
    return SelfTest(tuple(steps))


def _canary_step(backend: Backend) -> Step:
    try:
        text = health.read_canary(backend)
    except errors.Conflict as error:
        return Step("canary page", True, error.message)
    except errors.BackendFailed as error:
        return Step("canary page", False, f"The canary page was not read. {error.message}")
    if images.CANARY_WORD in text.upper():
        return Step("canary page", True, "The canary page was read.")
    _warn(backend, "It answered the canary page, but read it wrongly.")
    return Step("canary page", True, "It answered, but read the canary page wrongly: check the model.")


def _warn(backend: Backend, warning: str) -> None:
    health, _ = BackendHealth.objects.get_or_create(backend=backend)
    health.warnings = [*(w for w in health.warnings if w != warning), warning]
    health.save(update_fields=["warnings"])
