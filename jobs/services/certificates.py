"""The ends of hosts' TLS certificates, looked at once in a while and kept for the alerts."""

from __future__ import annotations

import structlog
from django.conf import settings

from jobs import errors
from jobs.gateways import certificates
from jobs.models import Backend, BackendHealth

log = structlog.get_logger(__name__)

HANDSHAKE_SECONDS = 5.0


def look() -> None:
    """Ask every host with an https address that is looked after. One that cannot be asked keeps what was known."""
    for backend in Backend.objects.contactable().filter(base_url__startswith="https://").in_name_order():
        try:
            ends = certificates.ends_at(
                backend.base_url, authorities=settings.BACKEND_CA_FILE, seconds=HANDSHAKE_SECONDS
            )
        except errors.OcrsiteError as error:
            log.warning("backend.certificate_unknown", backend=backend.name, reason=error.message)
            continue
        BackendHealth.objects.update_or_create(backend=backend, defaults={"certificate_ends_at": ends})
