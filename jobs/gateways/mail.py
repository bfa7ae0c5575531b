"""Mail, by the server that the settings name. One deadline (settings.EMAIL_TIMEOUT) for each step of the talk."""

from __future__ import annotations

from collections.abc import Sequence
from smtplib import SMTPException

from django.core import mail

from jobs import errors


def send(to: str | Sequence[str], subject: str, body: str) -> None:
    """One plain mail, to one or several. Raises errors.Unavailable when the server does not take it."""
    try:
        mail.send_mail(" ".join(subject.split()), body, None, [to] if isinstance(to, str) else list(to))
    except (SMTPException, OSError) as error:
        raise errors.Unavailable(f"The mail server did not take the mail: {error}") from error
