"""An administrator's draft of the policy: kept in the session, right or wrong, until it is applied or discarded."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest

from jobs import errors
from jobs.domain import policies, policy_changes, presets, shadows
from jobs.domain.policies import Policy
from jobs.models import Backend, RoutingPolicy
from jobs.services import routing

KEY = "routing_draft"


class Draft:
    """The policy as this person edits it, beside the one in force. Three queries, when first asked."""

    def __init__(self, request: HttpRequest) -> None:
        self._session = request.session

    # ---- what is in force

    @cached_property
    def _row(self) -> RoutingPolicy | None:
        return RoutingPolicy.objects.prefetch_related("rules").first()

    @property
    def version(self) -> int:
        """Of the policy in force; 0 before there is one."""
        return self._row.version if self._row else 0

    @cached_property
    def in_force(self) -> Policy | None:
        return routing.policy_of(self._row) if self._row else None

    @cached_property
    def backends(self) -> list[str]:
        return list(Backend.objects.in_name_order().values_list("name", flat=True))

    # ---- the draft

    @cached_property
    def body(self) -> dict[str, Any]:
        """The draft in the API's form, or the policy in force."""
        kept: dict[str, Any] | None = self._session.get(KEY)
        if kept is not None:
            return kept
        return policies.as_json(self.in_force) if self.in_force else presets.POLICIES["hybrid"] | {"rules": []}

    @cached_property
    def _judged(self) -> tuple[Policy | None, dict[str, str]]:
        try:
            return policies.parse(self.body, self.backends), {}
        except errors.Invalid as error:
            return None, error.fields

    @property
    def policy(self) -> Policy | None:
        """None while something in it is wrong."""
        return self._judged[0]

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong, by the field's path: `rules[2].threshold`."""
        return self._judged[1]

    @property
    def exists(self) -> bool:
        """Whether it differs from what is in force."""
        return KEY in self._session and (self.policy is None or self.policy != self.in_force)

    @cached_property
    def changes(self) -> list[str]:
        """What differs, in sentences; empty while something is wrong."""
        return policy_changes.changes(self.in_force, self.policy) if self.exists and self.policy else []

    @property
    def warnings(self) -> list[str]:
        return shadows.warnings(self.policy) if self.policy else []

    def keep(self, body: dict[str, Any]) -> None:
        """What was edited. One that equals the policy in force is no draft any more."""
        self._session[KEY] = body
        for name in ("body", "_judged", "changes"):
            self.__dict__.pop(name, None)
        if not self.exists:
            self.discard()

    def discard(self) -> None:
        self._session.pop(KEY, None)
        for name in ("body", "_judged", "changes"):
            self.__dict__.pop(name, None)
