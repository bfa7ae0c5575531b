"""Log lines: their two forms, and what never stands in them."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest
import structlog

from jobs.supervision.output import matters
from ocrsite.environment import BadEnvironment
from ocrsite.logging import config
from tests import log_lines
from tests.log_lines import Lines


@pytest.fixture
def set_up() -> Iterator[Callable[[str], Lines]]:
    """Sets logging up in the form asked for, and gives what reads the lines written since."""
    with log_lines.restored():
        yield log_lines.build


def test_a_json_line_is_one_object_with_time_level_and_event_first(set_up: Callable[[str], Lines]) -> None:
    lines = set_up("json")
    structlog.get_logger("jobs.try").warning("page.taken_back", page=3, document="0199")
    (line,) = lines()
    said = json.loads(line)
    assert list(said)[:3] == ["time", "level", "event"]
    assert (said["level"], said["event"], said["page"], said["logger"]) == (
        "WARNING",
        "page.taken_back",
        3,
        "jobs.try",
    )


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_standard_librarys_lines_take_the_same_way(log_format: str, set_up: Callable[[str], Lines]) -> None:
    lines = set_up(log_format)
    logging.getLogger("dramatiq.worker").error("lost %s", "connection")
    (line,) = lines()
    assert "lost connection" in line and "dramatiq.worker" in line and "ERROR" in line


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_supervisor_sees_which_lines_matter(log_format: str, set_up: Callable[[str], Lines]) -> None:
    lines = set_up(log_format)
    log = structlog.get_logger("jobs.try")
    log.info("page.read", page=1)
    log.error("backend.misconfigured", backend=2)
    assert [matters(line) for line in lines()] == [False, True]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_secrets_are_blotted_out(log_format: str, set_up: Callable[[str], Lines]) -> None:
    lines = set_up(log_format)
    secrets = ["hunter2", "sk-something", "abcdefghijklmnopqrstuvwxyz", "open-sesame", "deep-down"]
    log = structlog.get_logger("jobs.try")
    log.info("a", url=f"redis://:{secrets[0]}@127.0.0.1/0", api_key=secrets[1], more={"password": secrets[4]})
    logging.getLogger("django").error("refused ocr_%s and Bearer %s", secrets[2], secrets[3])
    text = "\n".join(lines())
    assert "[hidden]" in text
    assert [word for word in secrets if word in text] == []


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_secret_inside_a_traceback_is_blotted_out_too(log_format: str, set_up: Callable[[str], Lines]) -> None:
    lines = set_up(log_format)
    address = "postgres://ocr:hunter2@db.example.org/ocr"
    try:
        raise ConnectionError(address)
    except ConnectionError:
        structlog.get_logger("jobs.try").exception("database.away")
    text = "\n".join(lines())
    assert "ConnectionError: postgres://[hidden]@db.example.org/ocr" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_files_name_cannot_make_up_a_line_or_colour_the_terminal(
    log_format: str, set_up: Callable[[str], Lines]
) -> None:
    lines = set_up(log_format)
    structlog.get_logger("jobs.try").info("document.accepted", name="a.pdf\n2026 [ERROR] made up \x1b[31m")
    (line,) = lines()
    assert "\x1b" not in line


def test_counts_of_tokens_are_no_secrets(set_up: Callable[[str], Lines]) -> None:
    lines = set_up("json")
    structlog.get_logger("jobs.try").info("page.read", prompt_tokens=912, completion_tokens=640)
    said = json.loads(lines()[0])
    assert (said["prompt_tokens"], said["completion_tokens"]) == (912, 640)


def test_an_unknown_format_is_refused_by_the_variables_name() -> None:
    with pytest.raises(BadEnvironment, match=r"OCRSITE_LOG_FORMAT is 'xml': use console or json\."):
        config("xml")
