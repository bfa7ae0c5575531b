"""Nested values as YAML that cannot be misread: every text is a JSON string, which YAML reads as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def document(value: Mapping[str, Any]) -> str:
    """One document. Keys are written as they are: they must be plain words of our own. Texts must be printable
    (`str.isprintable`): YAML's and JSON's escapes differ beyond that."""
    return "\n".join(_mapping(value)) + "\n"


def _mapping(value: Mapping[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        if _nested(item):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(item))
        else:
            yield f"{key}: {_plain(item)}"


def _list(value: list[Any]) -> Iterator[str]:
    for item in value:
        first, *rest = _lines(item) if _nested(item) else [_plain(item)]
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)


def _lines(value: Any) -> Iterator[str]:
    return _list(value) if isinstance(value, list) else _mapping(value)


def _nested(value: Any) -> bool:
    return isinstance(value, list | Mapping) and bool(value)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
