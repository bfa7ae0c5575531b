"""Who may do what: roles, API tokens, and the audit log."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, TypeAlias

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.utils import timezone

from jobs import errors
from jobs.models import ApiToken, AuditEntry
from jobs.models.access import SCOPES

Person: TypeAlias = User | AnonymousUser | None

TOKEN_START = "ocr_"  # noqa: S105 - not a secret: lets people and scanners see what a leaked string is
MAX_TOKEN_DAYS = 3650
_SCOPE_OF_ROLE = {"staff": "write", "admin": "admin"}
_SEEN_EVERY = timedelta(minutes=1)  # a busy client costs one write a minute, not one a request


def role(user: Any) -> str:
    """ "admin" for superusers, "staff" for everybody else."""
    return "admin" if user.is_superuser else "staff"


def widest_scope(user: Any) -> str:
    """The most a token of this person may do."""
    return _SCOPE_OF_ROLE[role(user)]


def scope_covers(scope: str, needed: str) -> bool:
    return SCOPES.index(scope) >= SCOPES.index(needed)


def effective_scope(token: ApiToken) -> str:
    """The token's scope, cut to its owner's role as it is now: whoever stops being an administrator loses admin."""
    return min(token.scope, widest_scope(token.user), key=SCOPES.index)


def create_token(user: Any, *, name: str, days: int, scope: str) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown this once and kept nowhere. Raises errors.Invalid."""
    _check_token(user, name, days, scope)
    plain = TOKEN_START + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name.strip(),
        prefix=plain[:12],
        digest=_digest(plain),
        scope=scope,
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit("token.created", by=user, subject=str(token), detail={"scope": scope, "days": days})
    return token, plain


def _check_token(user: Any, name: str, days: int, scope: str) -> None:
    wrong = {}
    if not 1 <= len(name.strip()) <= 100:
        wrong["name"] = "Give the token a name of at most 100 characters, such as what will use it."
    if not 1 <= days <= MAX_TOKEN_DAYS:
        wrong["days"] = f"Use a number of days from 1 to {MAX_TOKEN_DAYS}."
    if scope not in SCOPES:
        wrong["scope"] = "Use read, write or admin."
    elif not scope_covers(widest_scope(user), scope):
        wrong["scope"] = "Only an administrator's token may have the scope admin. Use read or write."
    if wrong:
        raise errors.Invalid("The token was not made. " + " ".join(wrong.values()), wrong)


def user_for_token(plain: str) -> ApiToken | None:
    """The token whose text this is, with its user; None when unknown, expired, revoked or its owner is inactive.

    The digest is looked up by index: 32 random bytes leave nothing for a timing attack to find out.
    """
    token = ApiToken.objects.select_related("user").filter(digest=_digest(plain)).first()
    if token is None:
        return None
    now = timezone.now()
    usable = token.revoked_at is None and token.expires_at > now and token.user.is_active
    if _seen(token, now) and not usable:
        audit("token.refused", by=token.user, subject=str(token), detail={"why": _why_refused(token)})
    return token if usable else None


def _seen(token: ApiToken, now: Any) -> bool:
    """Notes the use; True once a minute at most, so that neither the row nor the audit log is written per request."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _SEEN_EVERY)
    return bool(ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now))


def _why_refused(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.user.is_active else "its owner may not sign in"


def tokens_of(user: Any) -> list[ApiToken]:
    """One's own tokens, newest first."""
    return list(ApiToken.objects.filter(user=user))


def revoke_token(token_id: int, *, by: Any) -> ApiToken:
    """The token works no more, from the next request on. Twice is harmless. Raises errors.NotFound for others'."""
    tokens = ApiToken.objects.all() if by.is_superuser else ApiToken.objects.filter(user=by)
    token = tokens.filter(pk=token_id).first()
    if token is None:
        raise errors.NotFound("There is no such token.")
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit("token.revoked", by=by, subject=str(token))
    token.refresh_from_db()
    return token


def audit(action: str, *, by: Person, subject: str, detail: dict[str, Any] | None = None) -> AuditEntry:
    """Adds one line to the audit log. `by` is None for what the site does by itself or from the terminal."""
    actor = by if isinstance(by, User) else None
    return AuditEntry.objects.create(actor=actor, action=action[:40], subject=subject[:200], detail=detail or {})


def entries(*, limit: int, before: int | None = None) -> list[AuditEntry]:
    """The audit log, newest first: `limit` lines with who did it, older than the line with the id `before`."""
    found = AuditEntry.objects.select_related("actor").order_by("-id")
    return list((found if before is None else found.filter(pk__lt=before))[:limit])


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
