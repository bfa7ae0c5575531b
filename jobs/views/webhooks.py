"""One's own webhooks: add one, see what was sent there, test it, switch it off, remove it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs import errors
from jobs.forms import WebhookForm
from jobs.models import Webhook
from jobs.services import webhooks
from jobs.views.requests import SiteRequest
from jobs.views.rows import digest

SHOWN = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: SiteRequest) -> HttpResponse:
    """All of one's own; a POST adds one, and shows its secret in the answer itself, this once."""
    if request.method != "POST":
        start = {"events": webhooks.permitted(request.user)[:3]}
        return _listed(request, WebhookForm(user=request.user, initial=start))
    form = WebhookForm(request.POST, user=request.user)
    if not form.is_valid():
        return _listed(request, form, status=422)
    try:
        hook, secret = webhooks.register(request.user, **form.cleaned_data)
    except errors.RequestRefused as error:
        _tell(form, error)
        return _listed(request, form, status=422)
    return _listed(request, WebhookForm(user=request.user), made=hook, secret=secret)


def _tell(form: WebhookForm, error: errors.RequestRefused) -> None:
    fields = getattr(error, "fields", {}) or {None: error.message}
    for name, sentence in fields.items():
        form.add_error(name, sentence)


def _listed(request: SiteRequest, form: WebhookForm, *, status: int = 200, **shown: Any) -> HttpResponse:
    context = {"form": form, "webhooks": webhooks.of(request.user)} | shown
    return render(request, "jobs/webhooks.html", context, status=status)


@require_safe
def webhook(request: SiteRequest, webhook_id: int) -> HttpResponse:
    hook = _find(request, webhook_id)
    form = WebhookForm(user=request.user, initial={name: getattr(hook, name) for name in WebhookForm.base_fields})
    return render(request, "jobs/webhook.html", _context(hook) | {"form": form})


@require_safe
def webhook_live(request: SiteRequest, webhook_id: int) -> HttpResponse:
    """What changed of its deliveries: 204 if `seen` still holds."""
    context = _context(_find(request, webhook_id))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_webhook_live.html", context)


def _find(request: SiteRequest, webhook_id: int) -> Webhook:
    try:
        return webhooks.find(request.user, webhook_id)
    except errors.NotFound:
        raise Http404 from None


def _context(hook: Webhook) -> dict[str, Any]:
    rows = webhooks.deliveries(hook, limit=SHOWN)
    told = [(row.pk, row.state, row.tries, row.next_try_at) for row in rows]
    seen = digest(hook.enabled, hook.failing_since, hook.disabled_reason, told)
    return {"hook": hook, "deliveries": rows, "seen": seen}


@require_POST
def act(request: SiteRequest, webhook_id: int, deed: str) -> HttpResponse:
    """Does it and says what became of it."""
    hook = _find(request, webhook_id)
    if deed not in DEEDS:
        raise Http404
    if deed == "remove" and not request.POST.get("confirmed"):
        return render(request, "jobs/webhook_confirm.html", {"hook": hook})
    try:
        return DEEDS[deed](request, hook)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
        return redirect("webhook", hook.pk)


def _test(request: SiteRequest, hook: Webhook) -> HttpResponse:
    webhooks.test(request.user, hook.pk)
    messages.success(request, "A test message is on its way.")
    return redirect("webhook", hook.pk)


def _switch(request: SiteRequest, hook: Webhook) -> HttpResponse:
    now = webhooks.change(request.user, hook.pk, enabled=not hook.enabled)
    messages.success(request, f"The webhook is switched {'on' if now.enabled else 'off'}.")
    return redirect("webhook", hook.pk)


def _change(request: SiteRequest, hook: Webhook) -> HttpResponse:
    form = WebhookForm(request.POST, user=request.user)
    if form.is_valid():
        try:
            webhooks.change(request.user, hook.pk, **form.cleaned_data)
        except errors.Invalid as error:
            _tell(form, error)
    if form.errors:
        return render(request, "jobs/webhook.html", _context(hook) | {"form": form}, status=422)
    messages.success(request, "The webhook was changed.")
    return redirect("webhook", hook.pk)


def _remove(request: SiteRequest, hook: Webhook) -> HttpResponse:
    webhooks.remove(request.user, hook.pk)
    messages.success(request, "The webhook was removed.")
    return redirect("webhooks")


DEEDS: dict[str, Callable[[SiteRequest, Webhook], HttpResponse]] = {
    "test": _test,
    "switch": _switch,
    "change": _change,
    "remove": _remove,
}


@require_POST
def redeliver(request: SiteRequest, webhook_id: int) -> HttpResponse:
    """One message again; `delivery` names it."""
    hook, asked = _find(request, webhook_id), request.POST.get("delivery", "")
    try:
        webhooks.redeliver(request.user, hook.pk, int(asked) if asked.isdecimal() and len(asked) < 18 else 0)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The message is sent again, with the same id.")
    return redirect("webhook", hook.pk)
