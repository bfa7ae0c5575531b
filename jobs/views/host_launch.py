"""How one host is launched, with the version of vLLM that was asked for."""

from __future__ import annotations

from jobs.domain import launching, versions
from jobs.domain.launching import Profile
from jobs.models import Backend

LONGEST_VERSION = 40


class HostLaunch:
    """`asked` is empty until somebody chose a version."""

    def __init__(self, backend: Backend, asked: str) -> None:
        profile = profile_of(backend)
        self.noted = profile.flag("vllm")[:LONGEST_VERSION]
        self.default = launching.default_version(profile)
        self.version = asked.strip()[:LONGEST_VERSION] or self.default
        self.recipe = launching.recipe(profile, self.version)
        self.container = launching.container_name(backend.name)
        self._too_old = versions.too_old(self.noted, backend.model_profile, launching.model(profile))

    @property
    def why(self) -> str:
        """Why another version is proposed than the one that is noted for the host; empty where none is."""
        return f"As noted for it: {self._too_old} Proposed instead: {self.default}." if self._too_old else ""


def profile_of(backend: Backend) -> Profile:
    return Profile(
        name=backend.name,
        base_url=backend.base_url,
        model=backend.model,
        model_profile=backend.model_profile,
        slots=backend.slots,
        max_model_len=backend.max_model_len,
        has_api_key=backend.api_key_set,
        hardware=backend.hardware,
        launch=backend.launch,
    )
