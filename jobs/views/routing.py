"""The rules below the hosts: edited as a draft, tried, replayed, applied; and the versions there were."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from jobs import actors, errors
from jobs.domain import policies
from jobs.models import PolicyVersion
from jobs.services import replaying, routing
from jobs.views import policy_form, rule_rows
from jobs.views.administrators import administrators_only
from jobs.views.drafts import Draft
from jobs.views.requests import SiteRequest
from jobs.views.rows import digest
from jobs.views.trying import tried

VERSIONS_SHOWN = 6
VERSIONS_AT_MOST = 200
SPANS = ((1, "hour"), (24, "day"), (168, "week"))


class Board:
    """The rules as one administrator sees them."""

    def __init__(self, draft: Draft, *, hours: int | None = None, moved: int | None = None) -> None:
        self.draft, self.hours, self.moved = draft, hours, moved
        self.now = routing.rules_now(draft.policy) if draft.policy else []

    @property
    def rows(self) -> list[rule_rows.RuleRow]:
        in_force = policies.as_json(self.draft.in_force)["rules"] if self.draft.in_force else []
        return rule_rows.rule_rows(self.draft.body, self.now, self.draft.wrong, in_force)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return list(rule_rows.KIND_WORDS.items())

    @property
    def failover(self) -> list[dict[str, Any]]:
        return rule_rows.figures(self.draft.body, "failover", self.draft.wrong)

    @property
    def quality(self) -> list[dict[str, Any]]:
        return rule_rows.figures(self.draft.body, "quality", self.draft.wrong)

    @property
    def spreads(self) -> Any:
        return rule_rows.SPREADS

    @property
    def cpu_uses(self) -> Any:
        return rule_rows.CPU_USES

    @property
    def not_in_fallback(self) -> list[str]:
        return [name for name in self.draft.backends if name not in self.draft.body["fallback_order"]]

    @property
    def spans(self) -> Any:
        return SPANS

    @property
    def wrong_fallback(self) -> str:
        return next((why for path, why in self.draft.wrong.items() if path.startswith("fallback_order")), "")

    @property
    def span_word(self) -> str:
        return dict(SPANS).get(self.hours or 0, "")

    @property
    def replayed(self) -> dict[str, Any] | None:
        """What the draft would have moved, if that was asked for."""
        if self.hours is None or self.draft.policy is None:
            return None
        return replaying.replay(policies.as_json(self.draft.policy), hours=self.hours)

    @property
    def seen(self) -> str:
        return digest(self.now)


def context(request: HttpRequest) -> dict[str, Any]:
    """What the templates of the rules need: board, tried and versions."""
    asked = request.GET.get("replay", "")
    hours = int(asked) if asked in {str(hours) for hours, _ in SPANS} else None
    draft = Draft(request)
    return {"board": Board(draft, hours=hours), "tried": tried(request, draft), "versions": newest_versions()}


def newest_versions(limit: int = VERSIONS_SHOWN) -> list[PolicyVersion]:
    return list(PolicyVersion.objects.select_related("author").defer("policy")[:limit])


@require_safe
@administrators_only
def rules_live(request: HttpRequest) -> HttpResponse:
    """What each rule compares now: 204 if `seen` still holds."""
    board = Board(Draft(request))
    if request.GET.get("seen") == board.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_rules_live.html", {"board": board})


@require_POST
@administrators_only
def edit(request: SiteRequest) -> HttpResponse:
    """Takes over what was typed, then does what the button said: `do`. Nothing is in force before *apply*."""
    draft, deed = Draft(request), request.POST.get("do", "")
    if deed == "discard":
        draft.discard()
        return _shown(request, draft)
    draft.keep(policy_form.changed(policy_form.read(request.POST), deed, request.POST))
    if deed == "apply":
        _apply(request, draft)
    return _shown(request, draft, deed)


def _apply(request: SiteRequest, draft: Draft) -> None:
    """Puts the draft in force, unless somebody else changed the policy since it was looked at."""
    if request.POST.get("version") != str(draft.version):
        messages.error(
            request,
            "Somebody changed the rules meanwhile, so yours were not applied. The list shows what differs from those "
            "in force now: look at it again, then apply.",
        )
        return
    if not draft.exists:
        return
    try:
        warnings = routing.save(draft.body, by=request.user)
    except errors.Invalid:
        messages.error(request, "The rules were not applied: what is wrong is marked below.")
        return
    draft.discard()
    messages.success(request, "The new rules are in force. Documents that come from now on follow them.")
    for warning in warnings:
        messages.warning(request, warning)
    actors.dispatch_soon()


def _shown(request: SiteRequest, draft: Draft, deed: str = "") -> HttpResponse:
    verb, _, place = deed.rpartition("-")
    hours = int(place) if verb == "replay" and place in {str(h) for h, _ in SPANS} else None
    if not request.htmx:
        return redirect(f"{reverse('backends')}?replay={hours}#replay" if hours else f"{reverse('backends')}#routing")
    moved = policy_form.moved_to(verb, int(place), len(draft.body["rules"])) if place.isdecimal() else None
    # What was put in force is read anew: versions and the policy changed under the draft's feet.
    board = Board(Draft(request), hours=hours, moved=moved)
    return render(request, "jobs/partials/_routing_fragment.html", {"board": board, "versions": newest_versions()})


@require_POST
@administrators_only
def restore(request: SiteRequest, number: int) -> HttpResponse:
    """Puts an earlier version in force again, as a new one."""
    try:
        warnings = routing.restore(number, by=request.user)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
        return redirect(f"{reverse('backends')}#versions")
    messages.success(request, f"Version {number} is in force again.")
    for warning in warnings:
        messages.warning(request, warning)
    actors.dispatch_soon()
    return redirect(f"{reverse('backends')}#versions")


@require_safe
@administrators_only
def versions(request: HttpRequest) -> HttpResponse:
    """Every version, newest first."""
    return render(request, "jobs/versions.html", {"versions": newest_versions(VERSIONS_AT_MOST)})
