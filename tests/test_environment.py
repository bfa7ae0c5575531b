"""Reading the environment: what is taken, what is refused, and in which words."""

from __future__ import annotations

import ipaddress
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocrsite import environment as env
from ocrsite.secret_key import kept_secret_key

ROOT = Path(__file__).resolve().parent.parent


def test_text_is_trimmed_and_blank_counts_as_unset() -> None:
    assert env.text({"NAME": "  words \n"}, "NAME", "other") == "words"
    assert env.text({"NAME": "   "}, "NAME", "other") == "other"
    assert env.text({}, "NAME", "other") == "other"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("On", True), (" yes ", True), ("TRUE", True), ("0", False), ("off", False), ("No", False)],
)
def test_switches_are_read_in_the_usual_words(value: str, expected: bool) -> None:
    assert env.boolean({"SWITCH": value}, "SWITCH", not expected) is expected


def test_a_switch_keeps_its_default_when_unset() -> None:
    assert env.boolean({}, "SWITCH", True) is True
    assert env.boolean({"SWITCH": ""}, "SWITCH", False) is False


@pytest.mark.parametrize("value", ["maybe", "2", "onn", "-"])
def test_any_other_word_for_a_switch_is_refused(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^SWITCH is .*: use on or off"):
        env.boolean({"SWITCH": value}, "SWITCH", False)


def test_whole_numbers_keep_to_their_bounds() -> None:
    assert env.integer({}, "COUNT", 7, low=1, high=9) == 7
    assert [env.integer({"COUNT": v}, "COUNT", 7, low=1, high=9) for v in ("1", "9", "05")] == [1, 9, 5]


@pytest.mark.parametrize("value", ["0", "10", "-3", "1.5", "1e1", "five", "٣", "1_0", "0x4"])
def test_what_is_no_whole_number_in_bounds_is_refused(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^COUNT is .*whole number from 1 to 9"):
        env.integer({"COUNT": value}, "COUNT", 7, low=1, high=9)


def test_numbers_keep_to_their_bounds() -> None:
    assert env.number({}, "SECONDS", 5.0, low=0.5, high=60) == 5.0
    assert env.number({"SECONDS": "0.5"}, "SECONDS", 5.0, low=0.5, high=60) == 0.5


@pytest.mark.parametrize("value", ["0.4", "61", "nan", "inf", "-1", "soon"])
def test_what_is_no_number_in_bounds_is_refused(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^SECONDS is .*number from 0.5 to 60"):
        env.number({"SECONDS": value}, "SECONDS", 5.0, low=0.5, high=60)


def test_lists_are_split_at_commas_and_empty_items_dropped() -> None:
    assert env.words({"HOSTS": " a , ,b,"}, "HOSTS") == ["a", "b"]
    assert env.words({}, "HOSTS") == []


def test_networks_of_both_families_are_read() -> None:
    found = env.networks({"NETS": "127.0.0.0/8, ::1"}, "NETS", "")
    assert found == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@pytest.mark.parametrize("value", ["127.0.0.1/8", "localhost", "127.0.0.0/40"])
def test_a_wrong_network_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^NETS: .*Use ranges such as 10.0.0.0/8"):
        env.networks({"NETS": value}, "NETS", "")


def test_a_web_address_loses_its_last_slash() -> None:
    assert env.web_address({"URL": "https://ocr.example.org/"}, "URL") == "https://ocr.example.org"
    assert env.web_address({}, "URL") == ""


@pytest.mark.parametrize(
    "value", ["ocr.example.org", "ftp://ocr.example.org", "https://", "https://ocr.example.org/sub", "http://x?y=1"]
)
def test_what_is_no_plain_web_address_is_refused(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^URL is .*such as https://ocr.example.org"):
        env.web_address({"URL": value}, "URL")


@pytest.mark.parametrize("value", ["sqlite:////srv/db.sqlite3", "sqlite://:memory:", "postgresql://u:p@[::1]:5432/ocr"])
def test_addresses_of_the_two_databases_are_taken_as_they_are(value: str) -> None:
    assert env.database_address({"DB": value}, "DB", "sqlite:///x") == value
    assert env.database_address({}, "DB", "sqlite:///x") == "sqlite:///x"


@pytest.mark.parametrize("held", ["", "not a certificate"])
def test_a_file_of_authorities_has_to_hold_certificates(held: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(held)
    with pytest.raises(env.BadEnvironment, match=r"^CA is .*certificates"):
        env.certificates({"CA": str(file)}, "CA")
    assert env.certificates({}, "CA") == ""


def test_the_host_of_an_address_is_found_without_its_port() -> None:
    assert env.host_of("https://ocr.example.org:8443") == "ocr.example.org"
    assert env.host_of("") == ""


def test_a_folder_becomes_absolute_and_knows_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert env.folder({"DIR": "~/data"}, "DIR", Path("x")) == tmp_path / "data"
    monkeypatch.chdir(tmp_path)
    assert env.folder({"DIR": "data"}, "DIR", Path("x")) == tmp_path / "data"
    assert env.folder({}, "DIR", tmp_path) == tmp_path


def test_the_secret_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = kept_secret_key(tmp_path / "data")
    assert kept_secret_key(tmp_path / "data") == first
    assert len(first) >= 50
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_starts_at_the_same_moment_agree_on_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(kept_secret_key, [tmp_path / "data"] * 32))
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OCRSITE_DEBUG", "perhaps"),
        ("OCRSITE_WORKER_THREADS", "none"),
        ("OCRSITE_BASE_URL", "ocr.example.org"),
        ("OCRSITE_BACKEND_ALLOWED_CIDRS", "everything"),
        ("OCRSITE_LOG_FORMAT", "xml"),
        ("OCRSITE_BACKEND_CA_FILE", "/nowhere/ca.pem"),
        ("DATABASE_URL", "gopher://db.example.org/ocr"),
        ("DATABASE_URL", "mysql://ocr:geheim@db.example.org/ocr"),
        ("DATABASE_URL", "oracle://ocr:geheim@db.example.org/ocr"),
        ("DATABASE_URL", "postgres://ocr:geheim@db.example.org:port/ocr"),
        ("DATABASE_URL", "db.sqlite3"),
    ],
)
def test_a_bad_value_stops_the_start_with_one_clear_line(variable: str, value: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OCRSITE_DATA_DIR": str(tmp_path), variable: value}
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert line.startswith("ocrsite cannot start: ")
    assert variable in line
    assert "geheim" not in line


def test_a_mail_server_is_named_by_one_address():
    found = env.mail({"M": "smtp+starttls://bot%40x:p%3Aw@mail.example.org"}, "M")
    assert (found.host, found.port, found.user, found.password, found.security) == (
        "mail.example.org", 587, "bot@x", "p:w", "starttls",
    )  # fmt: skip
    assert env.mail({}, "M").host == ""


@pytest.mark.parametrize("value", ["mail.example.org", "https://mail.example.org", "smtp://", "smtps://h:port"])
def test_a_mail_address_that_cannot_be_used_is_refused_without_repeating_it(value):
    with pytest.raises(env.BadEnvironment) as refused:
        env.mail({"M": value}, "M")
    assert str(refused.value).startswith("M cannot be used")
