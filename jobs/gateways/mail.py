"""Mail, by the server that the settings name. One deadline (settings.EMAIL_TIMEOUT) for each step of the talk."""

from __future__ import annotations

from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from django.core import mail

from jobs import errors

PERMANENT = 500


def send(to: str | Sequence[str], subject: str, body: str) -> None:
    """One plain mail, to one or several. Raises errors.RequestRefused when the server never will take this one,
    errors.Unavailable when it does not take it now."""
    try:
        mail.send_mail(" ".join(subject.split()), body, None, [to] if isinstance(to, str) else list(to))
    except (SMTPException, OSError) as error:
        said = f"The mail server did not take the mail: {error}"
        raise errors.RequestRefused(said) if _for_good(error) else errors.Unavailable(said) from error


def _for_good(error: Exception) -> bool:
    """Whether it was this mail that was refused, and with a 5xx: what follows from RFC 5321, 4.2.1."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _ in error.recipients.values())
    return isinstance(error, SMTPDataError) and error.smtp_code >= PERMANENT
