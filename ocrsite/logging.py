"""Log lines: pretty on a terminal, one JSON object a line where OCRSITE_LOG_FORMAT is json.

Everything goes one way, structlog's lines and those of the standard library (Django, Dramatiq, granian): the same
processors, the same form, to standard error. What looks like a secret is blotted out on the way. Levels are written in
capitals, because `manage.py up` shows a child's line on the terminal when it finds WARNING or worse near its start.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from ocrsite.environment import BadEnvironment

FORMATS = ("console", "json")
BLOT = "[hidden]"
_SECRET_NAME = re.compile(
    r"(^|_)(api_?key|secret(_key)?|password|passwd|token|authorization|cookie|digest|csrf\w*)$", re.IGNORECASE
)
_SECRET_TEXT = (
    (re.compile(r"(\w://)[^\s/@]*:[^\s/@]*@"), rf"\1{BLOT}@"),  # redis://:word@host, postgres://name:word@host
    (re.compile(r"\b(Bearer\s+)[^\s\"',]+", re.IGNORECASE), rf"\1{BLOT}"),
    (re.compile(r"\bocr_[A-Za-z0-9_-]{20,}"), f"ocr_{BLOT}"),  # our own API tokens
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MANY_LINES = frozenset({"exception", "stack"})  # tracebacks are meant to have lines


def config(log_format: str) -> dict[str, Any]:
    """The value of Django's LOGGING. Raises BadEnvironment for a format that is not known."""
    if log_format not in FORMATS:
        raise BadEnvironment(f"OCRSITE_LOG_FORMAT is {log_format!r}: use console or json.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "log_format": log_format}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers would write a line twice, and mail to nobody.
            "django": {"handlers": [], "level": "INFO"},
            # A refused or missing page is the visitor's business, not the log's.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "ERROR"},
        },
    }


def configure(log_format: str) -> None:
    """Send structlog's lines through the standard library, so that LOGGING alone says where lines go."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_shared(), ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def formatter(log_format: str) -> ProcessorFormatter:
    """The one formatter: what other libraries log is given the same fields first."""
    return ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            hide_secrets,
            _renderer(log_format),
        ],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        _level_in_capitals,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return _as_json
    colours = sys.stderr.isatty()
    styles = ConsoleRenderer.get_default_level_styles(colours)
    console = ConsoleRenderer(
        colors=colours,
        level_styles={name.upper(): style for name, style in styles.items()},
        exception_formatter=plain_traceback,
    )
    return _on_one_line(console)


def _level_in_capitals(_: Any, method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    name = record.levelname if record is not None else {"exception": "error", "warn": "warning"}.get(method, method)
    event["level"] = name.upper()
    return event


def hide_secrets(_: Any, __: str, event: EventDict) -> EventDict:
    """Blots out fields named like secrets, and text that holds one. A net, no licence to log them."""
    return {name: BLOT if value and _SECRET_NAME.search(name) else _blotted(value) for name, value in event.items()}


def _blotted(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, instead in _SECRET_TEXT:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, Mapping):
        return hide_secrets(None, "", {str(name): item for name, item in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_blotted(item) for item in value]
    if isinstance(value, BaseException):
        return _blotted(str(value))
    return value


def _as_json(logger: Any, method: str, event: EventDict) -> str | bytes:
    """Time and level first: who skims a log, and who shows only what matters, need not read to a line's end."""
    first = {new: event.pop(old, None) for new, old in (("time", "timestamp"), ("level", "level"), ("event", "event"))}
    return structlog.processors.JSONRenderer(ensure_ascii=False)(logger, method, {**first, **event})


def _on_one_line(render: Callable[[Any, str, MutableMapping[str, Any]], str]) -> Processor:
    """An uploaded file's name may hold line ends and terminal codes: they must not make up lines of their own."""

    def rendered(logger: Any, method: str, event: EventDict) -> str:
        escaped = {name: value if name in _MANY_LINES else _escaped(value) for name, value in event.items()}
        return render(logger, method, escaped)

    return rendered


def _escaped(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), value)
