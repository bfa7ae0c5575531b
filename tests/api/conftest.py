"""A client of the API: a person's token, JSON in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from jobs import actors
from jobs.services import access
from tests import builders


class ApiClient:
    """Speaks to /api/v1 with one person's token."""

    def __init__(self, user: Any, scope: str = "write") -> None:
        self.user = user
        self.token, self.plain = access.create_token(user, name="test", days=1, scope=scope)
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, json: Any = None, **headers: str) -> Any:
        content: dict[str, Any] = {} if json is None else {"data": json, "content_type": "application/json"}
        return getattr(self.client, method)(f"/api/v1{path}", **content, headers=self.authorized(headers))

    def get(self, path: str) -> Any:
        return self("get", path)

    def post(self, path: str, json: Any = None) -> Any:
        return self("post", path, {} if json is None else json)

    def upload(self, file: Any, *, key: str = "", **fields: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post("/api/v1/documents", {"file": file, **fields}, headers=self.authorized(headers))

    def authorized(self, headers: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.plain}", **headers}


@pytest.fixture
def staff(db: None) -> Any:
    return builders.make_user("mira")


@pytest.fixture
def api(staff: Any) -> ApiClient:
    """A member of staff."""
    return ApiClient(staff)


@pytest.fixture
def other(db: None) -> ApiClient:
    """Another member of staff."""
    return ApiClient(builders.make_user("noor"))


@pytest.fixture
def admin(db: None) -> ApiClient:
    return ApiClient(builders.make_user("ada", admin=True), scope="admin")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The messages that would have gone to the broker: (actor, arguments…)."""
    messages: list[tuple[str, ...]] = []

    def remember(actor: Any, *args: Any) -> bool:
        messages.append((actor.actor_name, *args))
        return True

    monkeypatch.setattr(actors, "send", remember)
    return messages


@pytest.fixture
def code_of() -> Callable[[Any], str]:
    """The code of a refusal; fails where an answer is no proper envelope."""

    def read(response: Any) -> str:
        error = response.json()["error"]
        assert set(error) == {"code", "message", "fields"}
        assert len(error["message"].split()) > 2, "a sentence for people"
        return str(error["code"])

    return read
