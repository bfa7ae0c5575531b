"""One tree of errors. The class says who is at fault and whether a retry can help.

::

    OcrsiteError                     the root; `message` is a sentence for people, `code` the API's word
    ├── RequestRefused               the request or the file is at fault: asking again changes nothing
    │   ├── Invalid                  422 invalid; `fields` names each field and its reason
    │   ├── TooLarge                 413 too_large
    │   ├── UnsupportedType          415 unsupported_type
    │   ├── Unreadable               422 unreadable
    │   ├── PasswordRequired         422 password_required
    │   ├── WrongPassword            422 wrong_password
    │   ├── NoPages                  422 no_pages
    │   ├── TooManyPages             422 too_many_pages
    │   ├── NotFound                 404 not_found
    │   ├── Forbidden                403 forbidden
    │   ├── Conflict                 409 conflict
    │   └── NotReady                 409 not_ready (asking later may help)
    │       └── BeingMade            409 not_ready (asking again in `retry_after_seconds` helps)
    ├── Unavailable                  503 unavailable: a part of ours is down or full, a retry helps
    │   └── OutOfSpace               507 out_of_space: the disk has no room left that may be used
    ├── PageUndrawable               this page of a file cannot be drawn: the page fails, others go on
    └── BackendFailed                a call to a backend failed; `failure` says how (domain.failures.Failure)
"""

from __future__ import annotations

from typing import Any


class OcrsiteError(Exception):
    """Root of the tree. `message` is a full sentence that says what to do, where something can be done."""

    code = "unavailable"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestRefused(OcrsiteError):
    """The request or the file is at fault. A retry cannot help."""

    code = "invalid"


class Invalid(RequestRefused):
    """Fields that do not validate. `fields` maps a field's name to its reason."""

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class TooLarge(RequestRefused):
    code = "too_large"


class UnsupportedType(RequestRefused):
    code = "unsupported_type"


class Unreadable(RequestRefused):
    code = "unreadable"


class PasswordRequired(RequestRefused):
    code = "password_required"


class WrongPassword(RequestRefused):
    code = "wrong_password"


class NoPages(RequestRefused):
    code = "no_pages"


class TooManyPages(RequestRefused):
    code = "too_many_pages"


class NotFound(RequestRefused):
    code = "not_found"


class Forbidden(RequestRefused):
    code = "forbidden"


class Conflict(RequestRefused):
    code = "conflict"


class NotReady(RequestRefused):
    """Nothing is wrong, it is only too early: asking later helps."""

    code = "not_ready"


class BeingMade(NotReady):
    """It is being made. `to_make` are the (document id, format) whose making is to be asked for now, maybe none."""

    def __init__(self, message: str, *, to_make: list[tuple[Any, str]], retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.to_make = to_make
        self.retry_after_seconds = retry_after_seconds


class Unavailable(OcrsiteError):
    """A part of ours is down, full or out of reach. A retry helps."""

    code = "unavailable"


class OutOfSpace(Unavailable):
    """The disk is full, or so nearly that what is free is kept for work in hand. A retry helps once there is room."""

    code = "out_of_space"


class PageUndrawable(OcrsiteError):
    """One page cannot be drawn. The page fails with this sentence; the rest of the file goes on."""

    code = "unreadable"


class BackendFailed(OcrsiteError):
    """A call to a backend failed. `failure` is a `domain.failures.Failure`: outcome, blame and what may help."""

    code = "unavailable"

    def __init__(self, failure: Any) -> None:
        super().__init__(failure.reason)
        self.failure = failure
