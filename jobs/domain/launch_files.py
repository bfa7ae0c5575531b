"""The texts of a launch, each in its own language: shell, Dockerfile, compose, Kubernetes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.domain import yaml_text

CACHE = "/root/.cache/huggingface"  # where the image keeps models
CACHE_VOLUME = "vllm-models"
NVIDIA_BUILDS = "nvcr.io/nvidia/"  # their PyTorch is NVIDIA's own
_IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._:/@-]{0,254}")


@dataclass(frozen=True)
class Start:
    """`arguments` follow `vllm`; `port` is the host's, `inside_port` the container's; `key_variable` is empty where
    there is no key."""

    name: str
    version: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    port: int
    inside_port: int
    key_variable: str = ""

    @property
    def image(self) -> str:
        return f"vllm/vllm-openai:v{self.version}"


def is_image(text: str) -> bool:
    """Whether this can be an image's name: nothing else may stand behind FROM."""
    return bool(_IMAGE.fullmatch(text))


def shell(first: Sequence[str], words: Sequence[str]) -> str:
    """A command over several lines: a new one before each flag."""
    lines = [[*first]]
    for word in words:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(word)
    return " \\\n  ".join(shlex.join(line) for line in lines)


def docker_run(start: Start) -> str:
    options = ["--detach", "--name", start.name, "--restart", "always", "--gpus", "all", "--ipc", "host"]
    options += ["--publish", f"{start.port}:{start.inside_port}", "--volume", f"{CACHE_VOLUME}:{CACHE}"]
    for name, value in start.environment.items():
        options += ["--env", f"{name}={value}"]
    if start.key_variable:
        options += ["--env", start.key_variable]
    # The image's own entry point changed between versions; this one is the same in all.
    command = shell(["docker", "run"], [*options, "--entrypoint", "vllm", start.image, *start.arguments])
    key = f"read -rs {start.key_variable} && export {start.key_variable}\n" if start.key_variable else ""
    return key + command


def dockerfile(start: Start, base: str) -> str:
    """Built on the operator's own base. Raises ValueError for what is no image's name."""
    if not is_image(base):
        raise ValueError(f"{base!r} is no image's name.")
    settings = [f"ENV {name}={value}" for name, value in start.environment.items()]
    entry = f"ENTRYPOINT {json.dumps(['vllm', *start.arguments])}"
    lines = [f"FROM {base}", *_installed(start.version, base), *settings, f"EXPOSE {start.inside_port}", entry]
    return "\n".join(lines) + "\n"


def _installed(version: str, base: str) -> Iterator[str]:
    if not base.startswith(NVIDIA_BUILDS):
        yield f"RUN pip install --no-cache-dir vllm=={version}"
        return
    listed = f"https://raw.githubusercontent.com/vllm-project/vllm/v{version}/requirements/common.txt"
    yield "# NVIDIA's PyTorch stays: first what vLLM needs but torch, then vLLM alone, built against what is there."
    yield f"ADD {listed} /tmp/all.txt"
    yield "RUN grep -viE '^(torch|torchvision|torchaudio)([^a-z]|$)' /tmp/all.txt > /tmp/needed.txt"
    yield "RUN pip install --no-cache-dir -r /tmp/needed.txt"
    yield f"RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-binary vllm vllm=={version}"


def dockerfile_note(base: str) -> str:
    if base.startswith(NVIDIA_BUILDS):
        return (
            "On NVIDIA’s own PyTorch, which has to be one that this vLLM builds with: a newer base may be needed. "
            "Started like the image above, without the arguments."
        )
    return (
        "On its base container; vLLM brings the PyTorch it needs. Started like the image above, without the arguments."
    )


def compose(start: Start) -> str:
    environment = {name: _for_compose(value) for name, value in start.environment.items()}
    if start.key_variable:
        environment[start.key_variable] = f"${{{start.key_variable}:?set it first}}"
    gpu = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    service: dict[str, Any] = {
        "image": start.image,
        "container_name": start.name,
        "restart": "always",
        "ipc": "host",
        "ports": [f"{start.port}:{start.inside_port}"],
        "volumes": [f"{CACHE_VOLUME}:{CACHE}"],
        "environment": environment,
        "entrypoint": ["vllm"],
        "command": [_for_compose(word) for word in start.arguments],
        "deploy": {"resources": {"reservations": {"devices": [gpu]}}},
    }
    service = {key: value for key, value in service.items() if value}
    return yaml_text.document({"services": {start.name: service}, "volumes": {CACHE_VOLUME: {}}})


def _for_compose(word: str) -> str:
    """Compose puts variables in the place of `$NAME`; doubled, it is a dollar."""
    return word.replace("$", "$$")


def manifests(start: Start) -> str:
    """A Deployment and its Service. Only one pod at a time: two would ask for the same GPU."""
    labels = {"app": start.name}
    pod = {
        "runtimeClassName": "nvidia",
        "enableServiceLinks": False,  # variables of services would look like vLLM's own
        "containers": [_container(start)],
        "volumes": [
            {"name": "models", "hostPath": {"path": "/var/lib/vllm-models", "type": "DirectoryOrCreate"}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
        ],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": start.name},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    ports = [{"port": start.port, "targetPort": start.inside_port}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": start.name},
        "spec": {"type": "LoadBalancer", "selector": labels, "ports": ports},
    }
    return yaml_text.document(deployment) + "---\n" + yaml_text.document(service)


def _container(start: Start) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [
        {"name": name, "value": _for_kubernetes(value)} for name, value in start.environment.items()
    ]
    if start.key_variable:
        secret = {"secretKeyRef": {"name": start.name, "key": "api-key"}}
        environment.append({"name": start.key_variable, "valueFrom": secret})
    container = {
        "name": "vllm",
        "image": start.image,
        "command": ["vllm"],
        "args": [_for_kubernetes(word) for word in start.arguments],
        "env": environment,
        "ports": [{"containerPort": start.inside_port}],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": start.inside_port}, "periodSeconds": 10},
        "volumeMounts": [{"name": "models", "mountPath": CACHE}, {"name": "shm", "mountPath": "/dev/shm"}],  # noqa: S108
    }
    return {key: value for key, value in container.items() if value}


def _for_kubernetes(word: str) -> str:
    """Kubernetes puts variables in the place of `$(NAME)`; doubled, it is a dollar."""
    return word.replace("$", "$$")


def manifests_note(start: Start) -> str:
    words = "kubectl apply -f FILE. Where several machines have a GPU, add a nodeSelector that names this one."
    if start.key_variable:
        key = start.key_variable
        words += f' The key first: read -rs {key} && printf %s "${key}" | '
        words += f"kubectl create secret generic {start.name} --from-file=api-key=/dev/stdin"
    return words
