"""How a host is launched: from its profile and a version of vLLM to the command, a container, compose, k3s.

A profile is typed by people: whatever stands in it becomes one argument, quoted as each language wants it, and never a
second one. The traps are those met in the sources of vLLM's releases; `domain.versions` holds what is known of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jobs.domain import launch_files, presets, versions

MODEL = "deepseek-ai/DeepSeek-OCR"
PROCESSOR: str = presets.LAUNCH["logits-processors"]
INSIDE_PORT = 8000  # vLLM's own; in a container it listens there, whatever the address says
KEY_VARIABLE = "VLLM_API_KEY"  # vLLM reads it itself, so that the key stands in no command
TUNING = ("gpu-memory-utilization", "max-model-len", "max-num-batched-tokens", "max-num-seqs", "quantization")
WHOLE_CONTEXT = 8192  # the model's own limit
SHARED_MEMORY_SHARE = 0.85  # NVIDIA's release notes: leave the rest of a memory that CPU and GPU share


@dataclass(frozen=True)
class Profile:
    """What is known of the host: fields of a backend. `has_api_key`: whether one is kept for it, never which."""

    name: str
    base_url: str = ""
    model: str = MODEL
    model_profile: str = "deepseek-ocr"
    slots: int = 4
    max_model_len: int = WHOLE_CONTEXT
    has_api_key: bool = False
    hardware: Mapping[str, Any] | None = None
    launch: Mapping[str, Any] | None = None

    def flag(self, key: str) -> str:
        """A launch flag as one printable line; empty where there is none."""
        return one_line((self.launch or {}).get(key))


@dataclass(frozen=True)
class Text:
    """One way to launch it. `note`: what to do with the text."""

    key: str
    title: str
    text: str
    note: str


@dataclass(frozen=True)
class Recipe:
    """`version` as numbers, such as 0.20.2. `problem`: why there is no text, a sentence. `handled`: the traps that the
    texts step round; `beware`: what they cannot mend."""

    version: str
    problem: str = ""
    texts: Sequence[Text] = ()
    handled: Sequence[str] = ()
    beware: Sequence[str] = ()


def one_line(value: Any) -> str:
    """Text and numbers without what cannot be printed (line ends, controls); anything else is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return "".join(letter for letter in str(value) if letter.isprintable()).strip()


def container_name(name: str) -> str:
    """As its container, Deployment and Service are called; a name that Kubernetes takes too."""
    return "vllm-" + (re.sub(r"[^a-z0-9-]", "-", name.lower())[:50].strip("-") or "host")


def default_version(profile: Profile) -> str:
    """The version noted for the host where it can serve the model, else the recommended one."""
    noted = profile.flag("vllm")
    fits = versions.parse(noted) and not versions.too_old(noted, profile.model_profile, model(profile))
    return written(noted) if fits else versions.RECOMMENDED


def written(version: str) -> str:
    """`v0.20.2rc1` as 0.20.2, the form that images and packages are named by; empty for what is no version."""
    numbers = versions.parse(version)
    return ".".join(map(str, numbers)) if numbers else ""


def model(profile: Profile) -> str:
    """What is loaded; the backend's own name of it may be another."""
    return profile.flag("model") or MODEL


def recipe(profile: Profile, version: str) -> Recipe:
    """Everything about launching this host with this version of vLLM."""
    exact = written(version)
    if problem := _problem(profile, version):
        return Recipe(exact, problem)
    return Recipe(
        exact, "", tuple(_texts(profile, exact)), tuple(_handled(profile, exact)), tuple(_beware(profile, exact))
    )


def _problem(profile: Profile, version: str) -> str:
    if profile.model_profile != "deepseek-ocr":
        return "How it is launched is known of vLLM with DeepSeek-OCR alone."
    if not versions.parse(version):
        return "Enter a version of vLLM as numbers, such as 0.20.2."
    if model(profile).startswith("-"):
        return "The model in its launch flags is no name of a model: it begins with a dash."
    return versions.too_old(written(version), profile.model_profile, model(profile))


def arguments(profile: Profile) -> list[str]:
    """What follows `vllm`: serve, the model, and every flag but the port."""
    named = one_line(profile.model)
    known = {"max-model-len": str(profile.max_model_len), "max-num-seqs": str(profile.slots)}
    words = ["serve", model(profile)]
    if named and named != model(profile):
        words += _flag("served-model-name", named)
    words += _flag("logits-processors", processor(profile))
    words.append("--enable-prefix-caching" if _caches_prefixes(profile) else "--no-enable-prefix-caching")
    words += _flag("mm-processor-cache-gb", profile.flag("mm-processor-cache-gb") or "0")
    for key in TUNING:
        value = profile.flag(key) or known.get(key, "")
        words += _flag(key, value) if value else []
    return words


def _flag(key: str, value: str) -> list[str]:
    """A value that begins with a dash would be read as another flag, were it a word of its own."""
    return [f"--{key}={value}"] if value.startswith("-") else [f"--{key}", value]


def processor(profile: Profile) -> str:
    """The logits processor, with the colon before its class that vLLM asks for."""
    entered = profile.flag("logits-processors") or PROCESSOR
    return entered if ":" in entered or "." not in entered else ":".join(entered.rsplit(".", 1))


def _caches_prefixes(profile: Profile) -> bool:
    return (profile.launch or {}).get("enable-prefix-caching") is True


def environment(version: str) -> dict[str, str]:
    """Variables that this version needs, but for the key."""
    name, value = versions.SWITCH.split("=")
    return {name: value} if versions.needs_switch(version) else {}


def port(profile: Profile) -> int:
    """The port that the site calls. Behind https without a port stands a proxy: then vLLM's own."""
    try:
        address = urlsplit(profile.base_url)
        return address.port or (80 if address.scheme == "http" and address.hostname else INSIDE_PORT)
    except ValueError:
        return INSIDE_PORT


def _texts(profile: Profile, version: str) -> Iterator[Text]:
    start = launch_files.Start(
        name=container_name(profile.name),
        version=version,
        arguments=arguments(profile),
        environment=environment(version),
        port=port(profile),
        inside_port=INSIDE_PORT,
        key_variable=KEY_VARIABLE if profile.has_api_key else "",
    )
    yield Text(
        "serve", "Command", _serve(start), "In a virtual environment with vLLM, under something that restarts it."
    )
    yield Text("docker", "Docker", launch_files.docker_run(start), "On the host. The model is kept in a volume.")
    base = profile.flag("container")
    if launch_files.is_image(base):
        yield Text("dockerfile", "Dockerfile", launch_files.dockerfile(start, base), launch_files.dockerfile_note(base))
    yield Text("compose", "Compose", launch_files.compose(start), "As compose.yaml, then: docker compose up --detach")
    yield Text("k3s", "k3s", launch_files.manifests(start), launch_files.manifests_note(start))


def _serve(start: launch_files.Start) -> str:
    settings = [f"{name}={value}" for name, value in start.environment.items()]
    own_port = [] if start.port == start.inside_port else ["--port", str(start.port)]
    command = launch_files.shell([*settings, "vllm"], [*start.arguments, *own_port])
    key = f"read -rs {start.key_variable} && export {start.key_variable}\n" if start.key_variable else ""
    return key + command


def _handled(profile: Profile, version: str) -> Iterator[str]:
    if versions.needs_switch(version):
        yield f"{versions.SWITCH}: from vLLM 0.31 on the engine refuses the n-gram processor without it."
    yield "The colon before the class of the logits processor: with a dot it is not found."
    if not _caches_prefixes(profile):
        yield "Prefix caching is off: no two pages begin alike."
    if _number(profile.flag("mm-processor-cache-gb")) == 0:
        yield "The cache of images is off: no page comes twice."
    yield "It is restarted always: an engine that ran out of memory ends its process as if all were well, with code 0."
    if profile.has_api_key:
        yield f"The key stands in no text: it comes from {KEY_VARIABLE}, in the cluster from a secret."
    if one_line(profile.model) not in ("", model(profile)):
        yield f"--served-model-name: this site asks for {one_line(profile.model)}."


def _beware(profile: Profile, version: str) -> Iterator[str]:
    context, share = _number(profile.flag("max-model-len")), _number(profile.flag("gpu-memory-utilization"))
    gpu = one_line((profile.hardware or {}).get("gpu")).lower()
    if (versions.parse(version) or (0, 0, 0)) < versions.FIRST_WITH_REPETITION_DETECTION:
        yield "vLLM before 0.17 cannot stop a page that repeats itself: such a page runs to its length limit."
    if context and context < WHOLE_CONTEXT:
        yield f"A context of {context:,.0f} tokens cuts dense pages off: an image takes up to 1,121. Use 8,192."
    if "spark" in gpu or "gb10" in gpu:
        yield "A GB10 needs a build for CUDA 13: NVIDIA’s own image, or one of vLLM’s cu130 wheels."
        if share and share > SHARED_MEMORY_SHARE:
            yield (
                f"Its memory is shared with the CPU: a gpu-memory-utilization of {share:g} may starve the host. NVIDIA "
                f"advises {SHARED_MEMORY_SHARE} at most; the model needs about 7 GB."
            )
    if profile.base_url.lower().startswith("https:"):
        yield "Its address is https, and vLLM started so speaks plain http: put a server that speaks TLS before it."
    if not profile.has_api_key:
        yield "It asks for no key: keep its port on a network of your own."


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
