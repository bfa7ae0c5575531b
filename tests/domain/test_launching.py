"""How a host is launched: every trap is stepped round, and a profile's hostile value stays one argument everywhere."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.domain import launch_files, launching, presets, versions
from jobs.domain.launching import Profile
from tests import yaml_reader

KEYS = ("serve", "docker", "dockerfile", "compose", "k3s")


def shipped(name: str = "calypso", **more: Any) -> Profile:
    one = next(backend for backend in presets.BACKENDS if backend["name"] == name)
    fields = ("name", "base_url", "slots", "max_model_len", "hardware", "launch")
    return replace(Profile(**{field: one[field] for field in fields}), **more)


def with_flags(**flags: Any) -> Profile:
    profile = shipped()
    launch = {**(profile.launch or {}), **{name.replace("_", "-"): value for name, value in flags.items()}}
    return replace(profile, launch=launch)


def texts(profile: Profile, version: str = "0.20.2") -> dict[str, str]:
    return {one.key: one.text for one in launching.recipe(profile, version).texts}


def words(command: str) -> list[str]:
    """As a shell reads the last command."""
    return shlex.split(command.replace(" \\\n", " ").splitlines()[-1])


def compose(text: str) -> dict[str, Any]:
    (found,) = yaml_reader.documents(text)
    (service,) = found["services"].values()
    return dict(service)


def pod(text: str) -> dict[str, Any]:
    deployment, _ = yaml_reader.documents(text)
    return dict(deployment["spec"]["template"]["spec"])


def every_argument_list(found: dict[str, str]) -> dict[str, list[str]]:
    """By text the arguments that `vllm` is started with there, as that language reads them."""
    serve, docker = words(found["serve"]), words(found["docker"])
    (entry,) = [line for line in found["dockerfile"].splitlines() if line.startswith("ENTRYPOINT ")]
    return {
        "serve": serve[serve.index("vllm") + 1 :],
        "docker": docker[docker.index("serve", docker.index("--entrypoint")) :],
        "dockerfile": json.loads(entry.removeprefix("ENTRYPOINT "))[1:],
        "compose": [word.replace("$$", "$") for word in compose(found["compose"])["command"]],
        "k3s": [word.replace("$$", "$") for word in pod(found["k3s"])["containers"][0]["args"]],
    }


def test_the_command_of_the_shipped_host() -> None:
    assert words(texts(shipped())["serve"]) == [
        "vllm", "serve", "deepseek-ai/DeepSeek-OCR",
        "--logits-processors", "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor",
        "--no-enable-prefix-caching", "--mm-processor-cache-gb", "0",
        "--gpu-memory-utilization", "0.9", "--max-model-len", "4096", "--max-num-batched-tokens", "2048",
        "--max-num-seqs", "4",
    ]  # fmt: skip


def test_a_profile_without_flags_is_launched_as_the_site_uses_it() -> None:
    found = words(texts(Profile("new", slots=7, max_model_len=6000))["serve"])
    assert found[found.index("--max-model-len") + 1] == "6000"
    assert found[found.index("--max-num-seqs") + 1] == "7"
    assert "dockerfile" not in texts(Profile("new")), "it has no base container"


# (what is entered, version, what must stand in every argument list, what must not)
TRAPS: list[tuple[Profile, str, list[str], list[str]]] = [
    (shipped(), "0.20.2", ["--no-enable-prefix-caching"], ["--enable-prefix-caching"]),
    (with_flags(enable_prefix_caching=True), "0.20.2", ["--enable-prefix-caching"], ["--no-enable-prefix-caching"]),
    (Profile("bare"), "0.20.2", ["--no-enable-prefix-caching", "--mm-processor-cache-gb", "0"], []),
    (Profile("bare"), "0.20.2", ["--logits-processors", launching.PROCESSOR], []),
    (with_flags(logits_processors="a.b.Processor"), "0.20.2", ["a.b:Processor"], ["a.b.Processor"]),
    (shipped(model="ocr"), "0.20.2", ["deepseek-ai/DeepSeek-OCR", "--served-model-name", "ocr"], []),
    (shipped(), "0.20.2", [], ["--served-model-name"]),
    (with_flags(quantization="awq"), "0.20.2", ["--quantization", "awq"], []),
    (shipped(has_api_key=True), "0.20.2", [], ["--api-key"]),
    (with_flags(max_num_seqs="--api-key"), "0.20.2", ["--max-num-seqs=--api-key"], ["--api-key"]),
]


@pytest.mark.parametrize(("profile", "version", "there", "missing"), TRAPS)
def test_traps_of_the_arguments(profile: Profile, version: str, there: list[str], missing: list[str]) -> None:
    profile = replace(profile, launch={"container": "pytorch/pytorch:2.3.0", **(profile.launch or {})})
    for key, found in every_argument_list(texts(profile, version)).items():
        assert set(there) <= set(found), key
        assert not set(missing) & set(found), key


@pytest.mark.parametrize(("version", "needed"), [("0.30.0", False), ("0.31.0", True), ("0.33.0", True)])
def test_from_0_31_on_every_text_holds_the_switch(version: str, needed: bool) -> None:
    found = texts(shipped(), version)
    for key in KEYS:
        assert ("VLLM_USE_V2_MODEL_RUNNER" in found[key]) is needed, key
    assert (words(found["serve"])[0] == versions.SWITCH) is needed
    assert (versions.SWITCH in words(found["docker"])) is needed
    assert compose(found["compose"]).get("environment", {}) == ({"VLLM_USE_V2_MODEL_RUNNER": "0"} if needed else {})
    said = " ".join(launching.recipe(shipped(), version).handled)
    assert (versions.SWITCH in said) is needed


@pytest.mark.parametrize(
    ("profile", "version", "problem"),
    [
        (shipped(), "0.11.0", "vLLM 0.11.0 is too old to serve DeepSeek-OCR: the first that can is 0.11.1."),
        (shipped(), "0.6.4.post1", "the first that can is 0.11.1"),
        (with_flags(model="deepseek-ai/DeepSeek-OCR-2"), "0.15.1", "DeepSeek-OCR-2: the first that can is 0.16.0."),
        (shipped(), "latest; rm -rf /", "Enter a version of vLLM as numbers"),
        (shipped(), "", "Enter a version"),
        (with_flags(model="--api-key"), "0.20.2", "begins with a dash"),
        (shipped(model_profile="tesseract"), "0.20.2", "DeepSeek-OCR alone"),
    ],
)
def test_where_no_launch_can_succeed_there_is_a_sentence_and_no_text(
    profile: Profile, version: str, problem: str
) -> None:
    found = launching.recipe(profile, version)
    assert problem in found.problem
    assert not found.texts


@pytest.mark.parametrize(
    ("noted", "chosen"),
    [("0.6.4.post1", "0.20.2"), ("0.11.0 nightly", "0.20.2"), ("v0.17.1", "0.17.1"), ("", "0.20.2"), ("new", "0.20.2")],
)
def test_the_noted_version_is_chosen_where_it_can_serve_the_model(noted: str, chosen: str) -> None:
    assert launching.default_version(with_flags(vllm=noted)) == chosen


def test_whatever_stands_around_a_version_reaches_no_text() -> None:
    found = texts(shipped(), "0.20.2\nRUN evil $(id)")
    assert "vllm/vllm-openai:v0.20.2" in words(found["docker"])
    assert not [key for key in KEYS if "evil" in found[key]]


def test_containers_are_restarted_always_and_see_the_gpu() -> None:
    found = texts(shipped())
    docker, service = words(found["docker"]), compose(found["compose"])
    assert docker[:10] == [
        "docker", "run", "--detach", "--name", "vllm-calypso", "--restart", "always", "--gpus", "all", "--ipc",
    ]  # fmt: skip
    assert (service["restart"], service["ipc"], service["image"]) == ("always", "host", "vllm/vllm-openai:v0.20.2")
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    (volume,) = service["volumes"]
    assert volume == docker[docker.index("--volume") + 1] == "vllm-models:/root/.cache/huggingface"


def test_the_manifests() -> None:
    deployment, service = yaml_reader.documents(texts(shipped())["k3s"])
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["runtimeClassName"] == "nvidia"
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8000}
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"] == [{"port": 8000, "targetPort": 8000}]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_the_key_comes_from_the_environment_or_a_secret() -> None:
    found = texts(shipped(has_api_key=True))
    assert "read -rs VLLM_API_KEY && export VLLM_API_KEY" in found["serve"]
    assert words(found["docker"])[words(found["docker"]).index("VLLM_API_KEY") - 1] == "--env"
    assert compose(found["compose"])["environment"]["VLLM_API_KEY"].startswith("${VLLM_API_KEY:?")
    (variable,) = pod(found["k3s"])["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "vllm-calypso", "key": "api-key"}
    assert not [key for key in KEYS if "VLLM_API_KEY" in texts(shipped())[key]]


@pytest.mark.parametrize(
    ("base_url", "port"),
    [
        ("http://calypso:9001", 9001),
        ("http://calypso", 80),
        ("https://spark", 8000),
        ("", 8000),
        ("http://calypso:99999", 8000),
        ("http://[calypso", 8000),
    ],
)
def test_the_port_is_that_of_its_address(base_url: str, port: int) -> None:
    found = texts(shipped(base_url=base_url))
    assert ("--port" in words(found["serve"])) is (port != 8000)
    assert f"{port}:8000" in words(found["docker"])
    assert yaml_reader.documents(found["k3s"])[1]["spec"]["ports"][0]["port"] == port


def test_on_nvidias_pytorch_nothing_installs_another() -> None:
    lines = texts(shipped("spark"))["dockerfile"].splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert lines[0] == "FROM nvcr.io/nvidia/pytorch:25.02-py3"
    assert "--no-deps" not in installs[0], "first its dependencies, from which torch was taken"
    assert "grep -viE '^(torch|" in "\n".join(lines[: lines.index(installs[0])])
    assert installs[1].endswith("vllm==0.20.2")
    assert "--no-deps" in installs[1]
    assert "--no-deps" not in texts(shipped())["dockerfile"]


@pytest.mark.parametrize("base", ["x y", "a\nRUN evil", "$BASE", "-x", "", "A" * 300])
def test_only_an_images_name_stands_behind_from(base: str) -> None:
    profile = with_flags(container=base)
    one_line = launching.one_line(base)
    assert ("dockerfile" in texts(profile)) is launch_files.is_image(one_line)
    start = launch_files.Start("x", "0.20.2", [], {}, 1, 1)
    if not launch_files.is_image(base):
        with pytest.raises(ValueError, match="no image"):
            launch_files.dockerfile(start, base)


@pytest.mark.parametrize(
    ("name", "called"),
    [("calypso", "vllm-calypso"), ("gpu_1.lab", "vllm-gpu-1-lab"), ("a" * 63, "vllm-" + "a" * 50), ("__", "vllm-host")],
)
def test_a_containers_name_is_one_that_kubernetes_takes(name: str, called: str) -> None:
    assert launching.container_name(name) == called


@pytest.mark.parametrize(
    ("profile", "version", "words_of_it"),
    [
        (shipped(), "0.16.0", "before 0.17"),
        (shipped(), "0.20.2", "A context of 4,096 tokens"),
        (shipped("spark"), "0.20.2", "CUDA 13"),
        (shipped("spark"), "0.20.2", "0.95 may starve the host"),
        (shipped("spark"), "0.20.2", "speaks plain http"),
        (shipped(), "0.20.2", "asks for no key"),
    ],
)
def test_what_no_text_can_mend_is_said(profile: Profile, version: str, words_of_it: str) -> None:
    assert words_of_it in " ".join(launching.recipe(profile, version).beware)
    healthy = replace(shipped(), has_api_key=True, launch={"max-model-len": 8192})
    assert not launching.recipe(healthy, "0.20.2").beware


hostile = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="$(){}'\"\\`\n#:-& |;<>%!~*?[]\t=,", max_size=20),
    st.sampled_from(
        ["$(id)", "${HOME}", "$HOME", "'; id; '", '"', "--x", "- a: b", "# no", "null", "0x10", "\\", "%s"]
    ),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.text(), max_size=2),
)


@settings(deadline=None)
@given(
    flags=st.dictionaries(st.sampled_from([*launching.TUNING, *presets.LAUNCH]), hostile),
    served=st.text(max_size=30),
    address=st.text(max_size=30),
)
def test_whatever_is_typed_stays_one_argument_in_every_text(flags: dict[str, Any], served: str, address: str) -> None:
    launch = {**flags, "container": "nvcr.io/nvidia/pytorch:25.02-py3"}
    profile = Profile("x", base_url=address, model=served, launch=launch, has_api_key=True)
    found = texts(profile, "0.31.0")
    if not found:
        assert launching.model(profile).startswith("-")
        return
    meant = launching.arguments(profile)
    port = launching.port(profile)
    lists = every_argument_list(found)
    assert lists.pop("serve") == [*meant, *(["--port", str(port)] if port != 8000 else [])]
    assert lists == dict.fromkeys(KEYS[1:], meant)
    assert len(found["dockerfile"].splitlines()) == 9, "no line was added"
    undoubled = "".join(pod(found["k3s"])["containers"][0]["args"] + compose(found["compose"])["command"])
    assert "$" not in undoubled.replace("$$", "")
