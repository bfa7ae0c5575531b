"""System checks: wrong combinations of settings, with an id and a hint. A single wrong value stops settings.py itself.

E001, E002      the site would not work
W001, W002      it works, but not as meant
W101 and on     `check --deploy` alone: right for one machine, wrong or daring for a served site
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.http.request import validate_host

SHORTEST_METRICS_TOKEN = 16


@register(Tags.security)
def base_url_is_served(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Links and redirects lead to OCRSITE_BASE_URL: requests for its host must be answered."""
    host = urlsplit(settings.BASE_URL).hostname or ""
    literal = f"[{host}]" if ":" in host else host
    if not host or validate_host(literal, settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            f"OCRSITE_BASE_URL names {host}, but OCRSITE_ALLOWED_HOSTS does not allow it: every request is refused.",
            hint=f"Add {literal} to OCRSITE_ALLOWED_HOSTS, or leave that unset: it then follows OCRSITE_BASE_URL.",
            id="ocrsite.E001",
        )
    ]


@register()
def leases_outlive_a_missed_renewal(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """One renewal may fail (a database that restarts); the lease must still hold at the next."""
    if settings.LEASE_RENEW_SECONDS < settings.LEASE_SECONDS / 2:
        return []
    return [
        Error(
            f"Leases last {settings.LEASE_SECONDS:g} s and are renewed every {settings.LEASE_RENEW_SECONDS:g} s: "
            "one missed renewal and a living worker loses its pages.",
            hint="Set OCRSITE_LEASE_RENEW_SECONDS to less than half of OCRSITE_LEASE_SECONDS.",
            id="ocrsite.E002",
        )
    ]


@register(Tags.security)
def no_debug_on_a_served_site(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or not settings.BASE_URL.startswith("https://"):
        return []
    return [
        Warning(
            "OCRSITE_DEBUG is on and OCRSITE_BASE_URL is an https address: error pages show settings and code.",
            hint="Unset OCRSITE_DEBUG on a site that others reach.",
            id="ocrsite.W001",
        )
    ]


@register()
def metrics_token_cannot_be_guessed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not 0 < len(settings.METRICS_TOKEN) < SHORTEST_METRICS_TOKEN:
        return []
    return [
        Warning(
            f"OCRSITE_METRICS_TOKEN is shorter than {SHORTEST_METRICS_TOKEN} characters.",
            hint="Use a long random one, such as `openssl rand -hex 24` prints.",
            id="ocrsite.W002",
        )
    ]


@register(deploy=True)
def parts_share_one_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """`manage.py up` brings its own Redis; web, worker and clock started one by one do not."""
    on_a_server = settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3"
    if settings.REDIS_URL or not on_a_server:
        return []
    return [
        Warning(
            "REDIS_URL is not set: web, worker and clock, started one by one, each look for Redis on their own host.",
            hint="Set REDIS_URL for all of them. `manage.py up` alone, on one machine, does without.",
            id="ocrsite.W101",
        )
    ]


@register(Tags.security, deploy=True)
def backends_are_kept_to_some_networks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    everywhere = [str(network) for network in settings.BACKEND_ALLOWED_CIDRS if network.prefixlen == 0]
    if not everywhere:
        return []
    return [
        Warning(
            f"OCRSITE_BACKEND_ALLOWED_CIDRS holds {', '.join(everywhere)}: a backend may then be any address at all.",
            hint="Name the networks in which the GPU hosts stand.",
            id="ocrsite.W102",
        )
    ]


@register(Tags.security, deploy=True)
def webhooks_are_kept_off_most_networks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    everywhere = [str(network) for network in settings.WEBHOOK_ALLOWED_CIDRS if network.prefixlen == 0]
    if not everywhere:
        return []
    return [
        Warning(
            f"OCRSITE_WEBHOOK_ALLOWED_CIDRS holds {', '.join(everywhere)}: whoever signs in can make the site send "
            "requests to any address inside your network.",
            hint="Name the networks in which receivers stand.",
            id="ocrsite.W103",
        )
    ]
