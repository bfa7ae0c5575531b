"""How a host is launched, on its own page: texts by version, in words where none can help, nothing for a CPU host."""

from __future__ import annotations

import html
import re
import shlex

import pytest

from jobs.domain import presets
from jobs.gateways import secrets
from jobs.models import Backend
from tests import builders

pytestmark = pytest.mark.django_db
PAGE = "/backends/calypso/"


@pytest.fixture
def calypso(admin):
    shipped = presets.BACKENDS[0]
    Backend.objects.filter(name="calypso").update(launch=shipped["launch"], hardware=shipped["hardware"])
    return Backend.objects.get(name="calypso")


def text_of(answer, key):
    found = re.search(rf'<code id="launch-{key}-text">(.*?)</code>', answer.content.decode(), re.DOTALL)
    return html.unescape(found[1]) if found else None


def test_where_the_noted_version_cannot_serve_the_model_another_is_proposed(admin, calypso, outline):
    page = outline(admin.get(PAGE))
    assert "vLLM 0.6.4.post1 is too old to serve DeepSeek-OCR: the first that can is 0.11.1." in page.words
    assert "Proposed instead: 0.20.2." in page.words
    assert "vllm/vllm-openai:v0.20.2" in text_of(admin.get(PAGE), "docker")


def test_the_noted_version_is_taken_where_it_can(admin, calypso, outline):
    Backend.objects.update(launch={**calypso.launch, "vllm": "0.17.1"})
    answer = admin.get(PAGE)
    assert "vllm/vllm-openai:v0.17.1" in text_of(answer, "docker")
    assert "Proposed instead" not in outline(answer).words


def test_another_version_is_chosen_by_a_plain_form(admin, calypso, outline):
    answer = admin.get(f"{PAGE}?over=hour&vllm=0.31.0")
    assert text_of(answer, "serve").startswith("VLLM_USE_V2_MODEL_RUNNER=0 vllm serve ")
    assert "the engine refuses the n-gram processor without it" in outline(answer).words
    assert {"launch-serve", "launch-docker", "launch-dockerfile", "launch-compose", "launch-k3s"} <= set(
        outline(answer).ids()
    )


@pytest.mark.parametrize("asked", ["0.11.0", "latest", "<script>alert(1)</script>"])
def test_a_version_that_cannot_be_launched_has_a_sentence_and_no_text(admin, calypso, outline, asked):
    answer = admin.get(PAGE, {"vllm": asked})
    assert "the first that can is 0.11.1" in outline(answer).words or "as numbers" in outline(answer).words
    assert text_of(answer, "serve") is None
    assert "<script>alert" not in answer.content.decode()


def test_what_was_typed_into_a_profile_is_shown_as_text_and_copied_as_one_word(admin, calypso):
    hostile = "</code><script>x</script>'; $(id)"
    Backend.objects.update(launch={**calypso.launch, "quantization": hostile})
    answer = admin.get(PAGE)
    assert "<script>x" not in answer.content.decode()
    assert hostile in shlex.split(text_of(answer, "serve").replace(" \\\n", " "))


def test_a_key_is_named_and_never_shown(admin, calypso):
    Backend.objects.update(encrypted_api_key=secrets.encrypt("the-very-key"))
    answer = admin.get(PAGE)
    assert "VLLM_API_KEY" in text_of(answer, "compose")
    assert "the-very-key" not in answer.content.decode()


def test_the_built_in_reader_is_launched_by_nobody(admin, db, outline):
    Backend.objects.filter(name="cpu").delete()
    builders.make_backend("cpu", kind="cpu", model="tesseract", model_profile="tesseract")
    assert "launched" not in outline(admin.get("/backends/cpu/")).ids()
