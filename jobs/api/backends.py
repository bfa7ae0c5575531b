"""Backends: for administrators. A planned or disabled one is contacted by its self-test alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Router, Schema, Status

from jobs import actors, errors
from jobs.api import host_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.models import Backend
from jobs.schemas import BackendFields, BackendList, BackendOut, CheckedBackend, NewBackend
from jobs.services import backends

router = Router(tags=["Backends"], auth=needs("admin"))
ONE: dict[str, Any] = answers(BackendOut, example=examples.BACKEND, refusals=("not_found",))
MOVED: dict[str, Any] = answers(BackendOut, example=examples.BACKEND, refusals=("not_found", "conflict"))


class ActivateIn(Schema):
    force: bool = Field(default=False, description="Use it even though its self-test fails. This is logged.")


@router.get("/backends", summary="List backends", **answers(BackendList, example=examples.BACKENDS))
def list_backends(request: HttpRequest) -> dict[str, Any]:
    """All of them, by name, with their health."""
    rows = Backend.objects.select_related("health").in_name_order()
    return {"items": [backends.snapshot(row) for row in rows], "next_cursor": None}


@router.post(
    "/backends",
    summary="Add a backend",
    **answers(
        BackendOut,
        example=examples.BACKEND | {"lifecycle": "planned"},
        status=201,
        refusals=("invalid", "conflict"),
        body=examples.NEW_BACKEND,
        headers={"Location": "the new backend's address"},
    ),
)
def create_backend(request: HttpRequest, response: HttpResponse, payload: NewBackend) -> Status[dict[str, Any]]:
    """Planned, unless another lifecycle is given. With `"lifecycle": "active"` it is tested at once; where that fails
    the answer is 409 with the reason, and the backend stays as a planned one.

    Addresses have to be inside OCRSITE_BACKEND_ALLOWED_CIDRS.
    """
    made = backends.create(by=request.user, **payload.dict(exclude_unset=True))
    actors.dispatch_soon()
    response["Location"] = reverse("api:backend", args=[made.name])
    return Status(201, backends.snapshot(made))


@router.get("/backends/{name}", url_name="backend", summary="Look at a backend", **ONE)
def get_backend(request: HttpRequest, name: str) -> dict[str, Any]:
    """Its profile, its lifecycle and its health."""
    return _snapshot(name)


@router.patch(
    "/backends/{name}",
    url_name="backend",
    summary="Change a backend",
    **answers(
        BackendOut,
        example=examples.BACKEND,
        refusals=("not_found", "invalid", "conflict"),
        body={"slots": 8, "max_dpi": 300},
    ),
)
def change_backend(request: HttpRequest, name: str, payload: BackendFields) -> dict[str, Any]:
    """Only what is given changes. A new address clears the key unless a new one comes with it: keys never follow an
    address. `"lifecycle": "active"` is the same as activate."""
    changed = backends.update(name, by=request.user, **payload.dict(exclude_unset=True))
    actors.dispatch_soon()
    return backends.snapshot(changed)


@router.delete(
    "/backends/{name}",
    url_name="backend",
    summary="Remove a backend",
    **answers(
        None,
        example=None,
        status=204,
        refusals=("not_found", "conflict"),
        others={202: (BackendOut, examples.BACKEND | {"lifecycle": "draining"})},
    ),
)
def delete_backend(request: HttpRequest, name: str) -> Status[Any]:
    """204 when it is gone. 202 when pages run there: it drains, and is gone when the last one is done. 409 while the
    routing policy names it."""
    gone = backends.remove(name, by=request.user)
    actors.dispatch_soon()
    return Status(204, None) if gone else Status(202, _snapshot(name))


@router.post("/backends/{name}/drain", summary="Drain a backend", **MOVED)
def drain_backend(request: HttpRequest, name: str) -> dict[str, Any]:
    """No new pages; those that run finish there, then it is disabled."""
    backends.drain(name, by=request.user)
    actors.dispatch_soon()
    return _snapshot(name)


@router.post("/backends/{name}/disable", summary="Disable a backend", **MOVED)
def disable_backend(request: HttpRequest, name: str) -> dict[str, Any]:
    """Out of use at once."""
    backends.disable(name, by=request.user)
    actors.dispatch_soon()
    return _snapshot(name)


@router.post(
    "/backends/{name}/activate",
    summary="Activate a backend",
    **answers(
        CheckedBackend,
        example=examples.CHECKED_BACKEND,
        refusals=("not_found", "conflict", "invalid"),
        body={"force": False},
    ),
)
def activate_backend(request: HttpRequest, name: str, payload: ActivateIn = ActivateIn()) -> dict[str, Any]:  # noqa: B008 - django-ninja's way of saying that the body may be missing; never changed
    """Tests it (lifecycle *checking*) and puts it to work (*active*). Where the test fails it stays out and the answer
    is 409 `conflict`: the message is the reason, `fields` names each step that failed. `{"force": true}` overrules."""
    result = backends.activate(name, by=request.user, force=payload.force)
    actors.dispatch_soon()
    if not (result.passed or payload.force):
        failed = {step.name: step.message for step in result.steps if not step.passed}
        raise SelfTestFailed(f"{name} was not activated: {result.reason}", failed)
    return _tested(name, result)


@router.post(
    "/backends/{name}/check",
    summary="Test a backend",
    **answers(CheckedBackend, example=examples.CHECKED_BACKEND, refusals=("not_found",)),
)
def check_backend(request: HttpRequest, name: str) -> dict[str, Any]:
    """Runs the self-test and changes nothing: each step is told. `self_test.passed` is the outcome."""
    return _tested(name, backends.check(name, by=request.user))


class SelfTestFailed(errors.Conflict):
    """A backend was not activated; `fields` names each step that failed."""

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        super().__init__(message)
        self.fields = fields


def _snapshot(name: str) -> dict[str, Any]:
    return backends.snapshot(backends.find(name))


def _tested(name: str, result: Any) -> dict[str, Any]:
    steps = [{"name": step.name, "passed": step.passed, "message": step.message} for step in result.steps]
    return {**_snapshot(name), "self_test": {"passed": result.passed, "steps": steps}}
