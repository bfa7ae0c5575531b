from __future__ import annotations

import pytest

from jobs.cpu_backend import tesseract


@pytest.mark.parametrize(
    ("language", "absent"),
    [("eng", []), ("deu+eng", ["deu"]), ("chi_sim+deu", ["chi_sim", "deu"]), ("eng+", [""]), ("../eng", ["../eng"])],
)
def test_only_packs_that_are_installed_are_used(language: str, absent: list[str]):
    assert tesseract.missing(language, ("eng", "fra")) == absent


@pytest.mark.parametrize(
    ("codes", "command"),
    [
        (["deu"], "apt-get install tesseract-ocr-deu"),
        (["chi_sim"], "apt-get install tesseract-ocr-chi-sim"),
        (["deu", "chi_tra_vert"], "apt-get install tesseract-ocr-deu tesseract-ocr-chi-tra-vert"),
    ],
)
def test_a_missing_pack_is_named_with_how_to_install_it(monkeypatch, codes: list[str], command: str):
    monkeypatch.setattr(tesseract.sys, "platform", "linux")
    sentence = tesseract.refusal(codes)
    assert sentence.endswith(command)
    assert all(f'"{code}"' in sentence for code in codes)


def test_on_a_mac_the_packs_come_from_brew(monkeypatch):
    monkeypatch.setattr(tesseract.sys, "platform", "darwin")
    assert tesseract.refusal(["deu"]).endswith("brew install tesseract tesseract-lang")


@pytest.mark.parametrize("code", ["", "../eng", "-x", "english; true", "e" * 5_000])
def test_what_is_no_code_never_becomes_part_of_a_command(code: str):
    sentence = tesseract.refusal([code])
    assert "no language code" in sentence
    assert "install" not in sentence
    assert len(sentence) < 300


def test_english_is_read_where_no_language_is_named():
    assert tesseract.default_language(("deu", "eng")) == "eng"
    assert tesseract.default_language(("deu", "fra")) == "deu"
