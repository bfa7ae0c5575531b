"""Backends' API keys at rest: encrypted with a key derived from SECRET_KEY, so that a database dump holds none."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from jobs import errors


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"ocrsite backend api key" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def encrypt(plain: str) -> str:
    """The key as it is stored; empty stays empty."""
    return _fernet().encrypt(plain.encode()).decode("ascii") if plain else ""


def decrypt(stored: str) -> str:
    """The key as it is sent. Raises errors.Unavailable when SECRET_KEY has changed since it was stored."""
    if not stored:
        return ""
    try:
        return _fernet().decrypt(stored.encode("ascii")).decode()
    except InvalidToken as error:
        raise errors.Unavailable("The key of this backend cannot be read any more: enter it again.") from error
