"""Which addresses a backend may have: web addresses whose host lies in the ranges the operator allows."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from jobs import errors

SETTING = "OCRSITE_BACKEND_ALLOWED_CIDRS"


def check_form(base_url: str, *, field: str = "base_url") -> str:
    """`base_url` tidied. Raises errors.Invalid unless it is http(s)://host[:port][/path] and nothing more; the refusal
    names `field`, where it was entered.

    A literal address is checked against the allowed ranges at once; a name when it is about to be contacted.
    """
    try:
        return _checked(base_url)
    except errors.Invalid as error:
        raise errors.Invalid(error.message, {field: error.message}) from None


def _checked(base_url: str) -> str:
    parts = _split(base_url)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        pass  # a name: what it resolves to is checked before each contact, names move
    else:
        _check_allowed(str(parts.hostname), address)
    return base_url.rstrip("/").removesuffix("/v1")


def check_reachable_range(base_url: str) -> None:
    """Raises errors.Invalid if the host's name leads outside the allowed ranges, or to nothing.

    Names are resolved by the system, which has its own time-out.
    """
    parts = _split(base_url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _invalid(
            f"The name {parts.hostname} cannot be resolved: check its spelling, or use an address."
        ) from error
    for *_, sockaddr in found:
        _check_allowed(str(parts.hostname), ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]))


def _split(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise _invalid("Use an address such as http://127.0.0.1:9001.") from None
    bad = any(letter.isspace() or letter == "\\" or not letter.isprintable() for letter in base_url)
    if bad or parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise _invalid("Use an address such as http://127.0.0.1:9001.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _invalid("Leave name, password, ? and # out of the address; the key has a field of its own.")
    return parts


def _check_allowed(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if not any(address in network for network in settings.BACKEND_ALLOWED_CIDRS):
        raise _invalid(f"{host} ({address}) is outside the ranges that {SETTING} allows.")


def _invalid(reason: str) -> errors.Invalid:
    return errors.Invalid(reason, {"base_url": reason})
