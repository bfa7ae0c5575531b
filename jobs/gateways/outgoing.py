"""POSTs to addresses that people entered: to the public internet alone, or to the ranges the operator allows.

The name is resolved once, every address it leads to is checked, and only those are connected to. No
redirect is followed; of the answer only its status is read; everything together has one deadline.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from jobs import errors

SETTING = "OCRSITE_WEBHOOK_ALLOWED_CIDRS"
PORTS = {"http": 80, "https": 443}
LONGEST_ADDRESS = 500
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r|\n)")
MOST_BYTES = 4096
NAT64 = ipaddress.ip_network("64:ff9b::/96")
USE = "Use an address such as https://hooks.example.org/ocr."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Target:
    """An address that may be contacted, and where it leads: each of `ips` was checked."""

    parts: SplitResult
    ips: tuple[str, ...]
    port: int


def check_form(url: str) -> str:
    """`url`, if it may be registered. Raises errors.Invalid. A name's addresses are checked before each contact, as
    names move; an address in figures is checked at once."""
    parts = _split(url)
    if literal := _literal(parts.hostname or ""):
        _check(literal, parts)
    return url


def post(url: str, body: str, headers: Mapping[str, str], *, seconds: float) -> int:
    """Send `body` as JSON; the answer's status. Raises errors.Invalid for an address that may not be contacted, then
    nothing was sent, and errors.Unavailable, a sentence, when no answer came within `seconds`."""
    end = time.monotonic() + seconds
    target = _resolve(url)
    try:
        with closing(_connect(target, end)) as connection:
            connection.sendall(_request(target, body, headers))
            return _status(connection, end)
    except TimeoutError as error:
        raise errors.Unavailable(f"It did not answer within {seconds:g} s.") from error
    except ssl.SSLError as error:
        raise errors.Unavailable(f"Its certificate is not accepted: {error.reason or 'TLS failed'}.") from error
    except ConnectionRefusedError as error:
        raise errors.Unavailable("It refused the connection.") from error
    except OSError as error:
        raise errors.Unavailable(f"It cannot be reached: {error.strerror or 'the connection broke off'}.") from error


def _split(url: str) -> SplitResult:
    bad = any(letter.isspace() or letter == "\\" or not letter.isascii() or not letter.isprintable() for letter in url)
    if bad or len(url) > LONGEST_ADDRESS:
        raise _invalid(USE)
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise _invalid(USE) from None
    if parts.scheme not in PORTS or not parts.hostname or not port_is_fine:
        raise _invalid(USE)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _invalid("Leave name, password and # out of the address: messages are signed instead.")
    return parts


def _literal(host: str) -> Address | None:
    """A host in figures, also as 0x7f.1 or 2130706433, which systems take for addresses."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _resolve(url: str) -> Target:
    """By the system, which has its own time-out."""
    parts = _split(url)
    port = parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise errors.Unavailable("Its name cannot be resolved.") from error
    for *_, sockaddr in found:
        _check(ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]), parts)
    return Target(parts, tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)), port)


def _check(address: Address, parts: SplitResult) -> None:
    """Raises errors.Invalid. What stands behind an address is not told: that would make a map of the network."""
    real = _behind(address)
    if any(real in network for network in settings.WEBHOOK_ALLOWED_CIDRS):
        return
    if not real.is_global or real.is_multicast or real.is_reserved or real.is_unspecified:
        raise _invalid(f"This address is not on the public internet. An administrator can allow it with {SETTING}.")
    if parts.port not in (None, *PORTS.values()):
        raise _invalid("Use port 80 or 443.")


def _behind(address: Address) -> Address:
    """The IPv4 address inside one of IPv6's, where it only wraps one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _connect(target: Target, end: float) -> socket.socket:
    plain = _connect_plainly(target, end)
    if target.parts.scheme == "http":
        return plain
    try:
        plain.settimeout(_left(end))
        return ssl.create_default_context().wrap_socket(plain, server_hostname=target.parts.hostname)
    except BaseException:
        plain.close()
        raise


def _connect_plainly(target: Target, end: float) -> socket.socket:
    """To the first of the addresses that answers: a host may have two, and listen on one."""
    for ip in target.ips[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((ip, target.port), timeout=_left(end))
    return socket.create_connection((target.ips[-1], target.port), timeout=_left(end))


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _request(target: Target, body: str, headers: Mapping[str, str]) -> bytes:
    parts, content = target.parts, body.encode()
    own = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "User-Agent": "ocrsite",
        "Connection": "close",
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (own | dict(headers)).items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content


def _status(connection: socket.socket, end: float) -> int:
    """A server that trickles its answer has no more time than one that is silent: `end` counts over all of it."""
    data = b""
    while b"\n" not in data and len(data) < MOST_BYTES:
        connection.settimeout(_left(end))
        piece = connection.recv(MOST_BYTES)
        if not piece:
            break
        data += piece
    found = STATUS_LINE.match(data)
    if found is None:
        raise errors.Unavailable("Its answer is not HTTP.")
    return int(found[1])


def _invalid(reason: str) -> errors.Invalid:
    return errors.Invalid(reason, {"url": reason})
