"""What a host's profile says of its launch beside what the running server tells. What it does not tell is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.domain import launching, versions
from jobs.domain.launching import Profile

_ROUNDED = 0.005  # shares nearer than this are the same one


@dataclass(frozen=True)
class Seen:
    """What was seen from outside. `launch`: by the names of the profile's flags (services.asking.launch_seen).
    `processor`: whether the n-gram processor is loaded. None, and empty: not told."""

    version: str = ""
    max_model_len: int | None = None
    processor: bool | None = None
    launch: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Line:
    """One flag. `profile` is empty where nothing was entered: then nothing differs."""

    name: str
    profile: str
    live: str
    differs: bool


def compared(profile: Profile, seen: Seen) -> list[Line]:
    """A line for each thing that the server tells."""
    return list(_lines(profile, seen, dict(seen.launch or {})))


def _lines(profile: Profile, seen: Seen, told: Mapping[str, Any]) -> Iterator[Line]:
    if seen.version:
        yield _line("vLLM", profile.flag("vllm"), seen.version, _same_version)
    if seen.max_model_len:
        entered = profile.flag("max-model-len") or str(profile.max_model_len)
        yield _line("max-model-len", entered, str(seen.max_model_len), _same_number)
    live = told.get("model")
    if isinstance(live, str) and _is_hub_name(live):  # a folder's name says nothing of what is in it
        yield _line("model", launching.model(profile), live, str.__eq__)
    share = launching.one_line(told.get("gpu-memory-utilization"))
    if share:
        yield _line("gpu-memory-utilization", profile.flag("gpu-memory-utilization"), share, _same_number)
    caches = told.get("enable-prefix-caching")
    if isinstance(caches, bool):
        noted = _switch((profile.launch or {}).get("enable-prefix-caching"))
        yield _line("prefix caching", noted, _switch(caches), str.__eq__)
    if seen.processor is not None and profile.model_profile == "deepseek-ocr":
        yield Line("n-gram processor", "loaded", "loaded" if seen.processor else "missing", not seen.processor)


def _line(name: str, profile: str, live: str, same: Callable[[str, str], bool]) -> Line:
    return Line(name, profile, live, bool(profile) and not same(profile, live))


def _same_version(one: str, other: str) -> bool:
    return versions.parse(one) == versions.parse(other)


def _same_number(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) < _ROUNDED
    except ValueError:
        return False


def _is_hub_name(model: str) -> bool:
    return model.count("/") == 1 and not model.startswith(("/", ".")) and not model.endswith("/")


def _switch(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else ""


def sentence(lines: list[Line]) -> str:
    """`It runs otherwise than its profile says: vLLM 0.20.2, not 0.6.4.post1.`; empty where nothing differs."""
    told = [f"{line.name} {line.live}, not {line.profile}" for line in lines if line.differs]
    return f"It runs otherwise than its profile says: {'; '.join(told)}." if told else ""
