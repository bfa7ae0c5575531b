"""Log lines as a site writes them, caught in memory; afterwards logging is as it was."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from ocrsite.logging import config, configure

Lines = Callable[[], list[str]]


@contextmanager
def restored() -> Iterator[None]:
    """Whatever the block does to logging is undone."""
    before, root, django = structlog.get_config(), logging.getLogger(), logging.getLogger("django")
    handlers, level = root.handlers[:], root.level
    django_handlers, django_level = django.handlers[:], django.level
    try:
        yield
    finally:
        root.handlers[:], django.handlers[:] = handlers, django_handlers
        root.setLevel(level)
        django.setLevel(django_level)
        structlog.configure(**before)


def build(log_format: str, *, level: str = "INFO") -> Lines:
    """Sets logging up in the form asked for, and gives what reads the lines written since."""
    written = io.StringIO()
    settings = config(log_format)
    settings["handlers"]["stderr"]["stream"] = written
    settings["root"]["level"] = level
    logging.config.dictConfig(settings)
    configure(log_format)
    return lambda: written.getvalue().splitlines()
