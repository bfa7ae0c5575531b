"""What is kept for how long: for administrators. A change with an error changes nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Body, Router

from jobs import errors
from jobs.api.answers import answers, with_body_schema
from jobs.api.auth import needs
from jobs.domain.retention import checked
from jobs.schemas.retention import RetentionRules, RetentionTrial, RetentionTrials
from jobs.services import retention

router = Router(tags=["Retention"], auth=needs("admin"))
RULE = {"age_days": 90, "what": "images", "status": "done", "enabled": True}
RULES = {"rules": [RULE]}
TRIALS = {"items": [RULE | {"documents": 214, "files": 5_120, "bytes": 1_048_576_000, "at_least": False}]}


@router.get("/retention", summary="The retention rules", **answers(RetentionRules, example=RULES))
def get_rules(request: HttpRequest) -> RetentionRules:
    """What the clock deletes of documents that ended so long ago. None as shipped."""
    return RetentionRules.of(retention.rules())


@router.put(
    "/retention",
    summary="Change the retention rules",
    **with_body_schema(RetentionRules, answers(RetentionRules, example=RULES, refusals=("invalid",), body=RULES)),
)
def put_rules(request: HttpRequest, payload: Body[dict[str, Any]]) -> RetentionRules:
    """Puts these rules in the place of all there were. Try them first: what they take does not come back."""
    return RetentionRules.of(retention.save(_rules_in(payload), by=request.user))


@router.post(
    "/retention/try",
    summary="Try retention rules",
    **with_body_schema(RetentionRules, answers(RetentionTrials, example=TRIALS, refusals=("invalid",), body=RULES)),
)
def try_rules(request: HttpRequest, payload: Body[dict[str, Any]]) -> dict[str, Any]:
    """How many documents and how much each rule would take now, on or off. Nothing is changed."""
    trials = retention.trial(checked(_rules_in(payload)))
    return {"items": [RetentionTrial.found(trial) for trial in trials]}


def _rules_in(payload: dict[str, Any]) -> list[Any]:
    told = payload.get("rules")
    if not isinstance(told, list):
        sentence = "Use a list of rules; an empty one takes all of them away."
        raise errors.Invalid(f"The rules were not saved. {sentence}", {"rules": sentence})
    return told
