"""The routing policy and what it decides: for administrators. A change with an error changes nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Body, Router

from jobs import actors
from jobs.api import routing_examples as examples
from jobs.api.answers import answers, with_body_schema
from jobs.api.auth import needs
from jobs.schemas import (
    Explained,
    FactsIn,
    PolicyOut,
    Replayed,
    ReplayIn,
    RulesNow,
    SavedPolicy,
    VersionList,
)
from jobs.services import replaying, routing

router = Router(tags=["Routing"], auth=needs("admin"))
SAVED: dict[str, Any] = answers(SavedPolicy, example=examples.SAVED_POLICY, refusals=("not_found", "invalid"))


@router.get(
    "/routing/policy",
    exclude_unset=True,
    summary="The policy in force",
    **answers(PolicyOut, example=examples.POLICY),
)
def get_policy(request: HttpRequest) -> dict[str, Any]:
    """The ordered rules, the default, the fallback order, and what happens after a failure."""
    return routing.current()


@router.put(
    "/routing/policy",
    exclude_unset=True,
    summary="Change the policy",
    **with_body_schema(
        PolicyOut,
        answers(SavedPolicy, example=examples.SAVED_POLICY, refusals=("invalid",), body=examples.POLICY),
    ),
)
def put_policy(request: HttpRequest, payload: Body[dict[str, Any]]) -> dict[str, Any]:
    """Puts a whole policy in force and keeps it as a new version. With an error nothing changes, and `fields` names
    each place: `rules.2.threshold`. `warnings` tells what is allowed but surprising."""
    policy = {name: value for name, value in payload.items() if name != "warnings"}  # an answer may be sent back
    return _saved(routing.save(policy, by=request.user))


@router.get("/routing/versions", summary="The policy's versions", **answers(VersionList, example=examples.VERSIONS))
def list_versions(request: HttpRequest) -> dict[str, Any]:
    """Every policy that was in force, newest first: who changed what."""
    return {"items": routing.versions(), "next_cursor": None}


@router.post("/routing/versions/{int:number}/restore", exclude_unset=True, summary="Restore a version", **SAVED)
def restore_version(request: HttpRequest, number: int) -> dict[str, Any]:
    """Puts an earlier policy in force again, as a new version."""
    return _saved(routing.restore(number, by=request.user))


@router.post("/routing/presets/{name}/load", exclude_unset=True, summary="Load a preset", **SAVED)
def load_preset(request: HttpRequest, name: str) -> dict[str, Any]:
    """*hybrid* or *decision_tree*, as a new version."""
    return _saved(routing.load_preset(name, by=request.user))


@router.post(
    "/routing/explain",
    summary="Explain a decision",
    **with_body_schema(
        FactsIn,
        answers(Explained, example=examples.EXPLAINED, refusals=("invalid",), body=examples.FACTS),
    ),
)
def explain(request: HttpRequest, payload: Body[dict[str, Any]]) -> dict[str, Any]:
    """Where a document would go, and what every rule says of it. What is left out is taken from now; `backends`
    tries what is not so: `{"calypso": {"state": "down"}}`. Nothing is sent anywhere."""
    return routing.explain(payload)


@router.get("/routing/rules", summary="The rules, right now", **answers(RulesNow, example=examples.RULES_NOW))
def rules_now(request: HttpRequest) -> dict[str, Any]:
    """Each rule of the policy in force with what it compares at this moment, and whether a document of normal priority
    that came now would match it."""
    return {"items": routing.rules_now(), "next_cursor": None}


@router.post(
    "/routing/replay",
    by_alias=True,
    summary="Replay a policy",
    **answers(Replayed, example=examples.REPLAYED, refusals=("invalid",), body=examples.REPLAY),
)
def replay(request: HttpRequest, payload: ReplayIn) -> dict[str, Any]:
    """What this policy would have done with the documents of the last hours, beside the one in force: what would have
    moved, from where to where, and estimates of when it would have been done. Changes nothing. `fields` names what is
    wrong with the policy as PUT does."""
    policy = {name: value for name, value in payload.policy.items() if name != "warnings"}
    return replaying.replay(policy, hours=payload.hours)


def _saved(warnings: list[str]) -> dict[str, Any]:
    actors.dispatch_soon()
    return {**routing.current(), "warnings": warnings}
