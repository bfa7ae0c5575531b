"""`manage.py status`, `load_preset` and `check_backend`."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.services import admission, backends, routing
from tests import builders

pytestmark = pytest.mark.django_db


def test_status_shows_documents_backends_and_the_queue(capsys: Any) -> None:
    backends.ensure_defaults()
    backend = builders.make_backend("third", state="down", reason="It refuses\nconnections.", slots=2)
    document = builders.make_document(builders.make_user(), pages=4, done=1, running=1, rendered=1)
    builders.make_lease(document.pages.get(status="running"), backend)
    call_command("status")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "processing 1" in lines
    assert "third active down 1 of 2 0 It refuses connections." in lines
    assert {"pages to draw 1", "pages waiting for a slot 1", "pages with a host 1"} <= set(lines)


def test_status_works_on_an_empty_site(capsys: Any) -> None:
    call_command("status")
    assert "policy" in capsys.readouterr().out


def test_columns_stand_under_each_other(capsys: Any) -> None:
    backends.ensure_defaults()
    call_command("status")
    table = capsys.readouterr().out.split("\n\n")[1].splitlines()
    place = table[0].index("LIFECYCLE")
    assert all(line[place:].startswith(("LIFECYCLE", "planned")) for line in table)


def test_a_preset_is_loaded_with_its_warnings(capsys: Any) -> None:
    backends.ensure_defaults()
    call_command("load_preset", "decision_tree")
    printed = capsys.readouterr().out
    assert "“decision_tree” is in force" in printed and "Note: " in printed
    assert routing.in_force().rules[0].when == "purpose_is"


def test_a_preset_whose_backends_are_missing_is_told() -> None:
    with pytest.raises(CommandError):
        call_command("load_preset", "hybrid")


@pytest.mark.parametrize("passed", [True, False])
def test_a_check_tells_each_step(capsys: Any, monkeypatch: Any, passed: bool) -> None:
    builders.make_backend("third")
    steps = (admission.Step("reachable", True, "It answers."), admission.Step("model", passed, "It serves m."))
    monkeypatch.setattr(admission, "self_test", lambda backend: admission.SelfTest(steps))
    if passed:
        call_command("check_backend", "third")
    else:
        with pytest.raises(CommandError, match="third did not pass: It serves m"):
            call_command("check_backend", "third")
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["passed  reachable: It answers.", f"{'passed' if passed else 'FAILED'}  model: It serves m."]


def test_an_unknown_backend_is_told() -> None:
    with pytest.raises(CommandError, match="no backend"):
        call_command("check_backend", "nobody")
