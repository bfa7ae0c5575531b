"""What is a backup, and which one may be restored."""

from __future__ import annotations

import json

import pytest

from jobs import errors
from jobs.domain import backups
from jobs.domain.backups import Entry, Manifest

WHOLE = Manifest(
    "2026-01-31T12:00:00+00:00", {"jobs": "0006_readings"}, {"files/a": Entry(3, "aa"), "b": Entry(1, "b")}
)
KNOWN = {("jobs", "0005_quality"), ("jobs", "0006_readings")}


def test_a_manifest_comes_back_as_it_was_written() -> None:
    assert backups.from_json(WHOLE.to_json()) == WHOLE
    assert WHOLE.size_bytes == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "\x00", json.dumps({"format": "x"})])
def test_what_is_no_manifest_is_no_backup(text: str) -> None:
    with pytest.raises(errors.Invalid, match="no backup"):
        backups.from_json(text)


def test_a_form_that_is_not_known_yet_is_newer() -> None:
    with pytest.raises(errors.Invalid, match="newer version"):
        backups.from_json(WHOLE.to_json().replace('"format": 1', '"format": 2'))


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a//b", "a\\b", "", ".", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    assert not backups.is_safe(name)
    told = json.loads(WHOLE.to_json())
    told["files"][name] = {"size_bytes": 1, "sha256": "a"}
    with pytest.raises(errors.Invalid):
        backups.from_json(json.dumps(told))


def test_an_older_state_is_taken_and_an_unknown_one_refused() -> None:
    backups.refuse_newer(WHOLE, KNOWN)
    with pytest.raises(errors.Invalid, match="newer version"):
        backups.refuse_newer(Manifest("", {"jobs": "0042_future"}), KNOWN)
    with pytest.raises(errors.Invalid):
        backups.refuse_newer(Manifest("", {}), KNOWN)


def test_what_is_whole_passes() -> None:
    backups.refuse_damaged(WHOLE, WHOLE.files)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"b": Entry(1, "b")}, "files/a is missing"),
        ({"files/a": Entry(3, "xx"), "b": Entry(1, "b")}, "files/a is damaged"),
        ({"files/a": Entry(2, "aa")}, "b is missing, files/a is damaged"),
    ],
)
def test_what_lacks_something_is_refused_by_name(found: dict[str, Entry], said: str) -> None:
    with pytest.raises(errors.Invalid, match=said):
        backups.refuse_damaged(WHOLE, found)
