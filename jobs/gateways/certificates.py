"""When a host's TLS certificate ends."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from jobs import errors
from jobs.gateways import addresses


def ends_at(base_url: str, *, authorities: str, seconds: float) -> datetime:
    """The end of the certificate at an https address, checked as calls there check it: against the file of
    `authorities`, or the public ones. Nothing is sent but the handshake; each of its two steps may take `seconds`.

    Raises errors.Unavailable when it cannot be had or is not accepted, errors.Invalid for an address that may not be
    contacted.
    """
    addresses.check_reachable_range(base_url)
    parts = urlsplit(base_url)
    context = ssl.create_default_context(cafile=authorities or None)
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secured,
        ):
            found = secured.getpeercert() or {}
    except OSError as error:
        raise errors.Unavailable(f"The certificate at {parts.hostname} cannot be looked at: {error}") from error
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
