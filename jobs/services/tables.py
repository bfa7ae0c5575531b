"""Every table of the site as lines of JSON, and back. The same lines go into SQLite and PostgreSQL.

First line: {"table", "fields"}; then a line a row, its values in that order. Reading takes historical models, so that
an older backup goes into the tables of its own time, which are migrated afterwards.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from django.apps import apps as current_apps
from django.core.management.color import no_style
from django.db import connection, models, transaction

from jobs import errors

ROWS_AT_ONCE = 500
# What belongs to running processes and to browsers, not to what people keep.
LEFT_OUT = {"django_session", "jobs_slotlease", "jobs_clocklease"}


def of(apps: Any = current_apps) -> dict[str, type[models.Model]]:
    """The models by table. `apps` is the registry of another time than now, where one is meant."""
    found = apps.get_models(include_auto_created=True)
    return {m._meta.db_table: m for m in found if m._meta.managed and not m._meta.proxy}


def kept() -> list[str]:
    return sorted(set(of()) - LEFT_OUT)


def write(table: str, target: IO[bytes]) -> None:
    """Writes one table's rows."""
    model = of()[table]
    names = [field.attname for field in model._meta.concrete_fields]
    _line(target, {"table": table, "fields": names})
    rows = model._base_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
        _line(target, row)


def replace_all(sources: dict[str, IO[bytes]], apps: Any) -> None:
    """Empties every table and fills those that there is a source for, in one transaction: all of it or nothing.

    Raises errors.Invalid for lines that do not fit.
    """
    known = of(apps)
    with transaction.atomic():
        for model in known.values():
            model._base_manager.all()._raw_delete(connection.alias)
        for table, source in sources.items():
            if table not in known:
                raise errors.Invalid(f"The backup holds a table {table} that its own version does not know.")
            _fill(known[table], source)
        statements = connection.ops.sequence_reset_sql(no_style(), list(known.values()))
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _fill(model: type[models.Model], source: IO[bytes]) -> None:
    try:
        names = json.loads(source.readline())["fields"]
        fields = [_field(model, name) for name in names]
        for field in fields:
            field.auto_now = field.auto_now_add = False  # else a row's age would be lost
        batch = []
        for line in source:
            values = (_understood(f, v) for f, v in zip(fields, json.loads(line), strict=True))
            batch.append(model(**dict(zip(names, values, strict=True))))
            if len(batch) >= ROWS_AT_ONCE:
                model._base_manager.bulk_create(batch)
                batch = []
        model._base_manager.bulk_create(batch)
    except (ValueError, KeyError, TypeError) as error:
        raise errors.Invalid(f"The table {model._meta.db_table} of the backup cannot be understood.") from error


def _field(model: type[models.Model], attname: str) -> Any:
    return {field.attname: field for field in model._meta.concrete_fields}[attname]


def _understood(field: models.Field[Any, Any], value: Any) -> Any:
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _line(target: IO[bytes], value: Any) -> None:
    target.write(json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value)} has no form in a backup yet")
