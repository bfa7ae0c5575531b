"""The admin as a browser uses it: addresses, actions, forms sent back as they were shown."""

from __future__ import annotations

from typing import Any

from django.test import Client


def url(model: type, page: str, row: Any = None) -> str:
    where = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # type: ignore[attr-defined]
    return where + {"list": "", "add": "add/", "change": f"{row.pk if row else ''}/change/"}[page]


def act(client: Client, model: type, action: str, *rows: Any) -> list[str]:
    """Does an action of the list and gives the messages that follow."""
    answer = client.post(url(model, "list"), {"action": action, "_selected_action": [row.pk for row in rows]})
    assert answer.status_code == 302
    return said(client.get(answer["Location"]))


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def form_of(client: Client, where: str) -> dict[str, Any]:
    """What a browser would send if somebody opened the page and pressed Save."""
    context = client.get(where).context
    forms = [context["adminform"].form]
    for formset in (inline.formset for inline in context["inline_admin_formsets"]):
        forms += [formset.management_form, *formset.forms]
    values = {bound.html_name: sent_for(bound) for form in forms for bound in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def sent_for(bound: Any) -> Any:
    """A browser sends a list's first entry where nothing is chosen."""
    value, choices = bound.value(), list(getattr(bound.field, "choices", []))
    return choices[0][0] if choices and value in (None, "") else value


def wrong(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)
