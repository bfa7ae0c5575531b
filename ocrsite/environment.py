"""Typed readers of environment variables. Each fails loudly, naming the variable and what it may hold.

They read from a mapping handed in, so that settings.py alone touches the process's environment.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadEnvironment(Exception):
    """A variable holds something that cannot be used. The message is one line that says which and why."""


def text(environ: Mapping[str, str], name: str, default: str = "") -> str:
    return environ.get(name, "").strip() or default


def boolean(environ: Mapping[str, str], name: str, default: bool) -> bool:
    value = text(environ, name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if not value:
        return default
    raise BadEnvironment(f"{name} is {value!r}: use on or off.")


def integer(environ: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    value = text(environ, name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise BadEnvironment(f"{name} is {value!r}: use a whole number from {low} to {high}.")
    return int(value)


def number(environ: Mapping[str, str], name: str, default: float, *, low: float, high: float) -> float:
    value = text(environ, name)
    if not value:
        return default
    try:
        result = float(value)
    except ValueError:
        result = float("nan")
    if not low <= result <= high:
        raise BadEnvironment(f"{name} is {value!r}: use a number from {low:g} to {high:g}.")
    return result


def words(environ: Mapping[str, str], name: str, default: str = "") -> list[str]:
    """A list separated by commas; empty items are dropped."""
    return [item.strip() for item in text(environ, name, default).split(",") if item.strip()]


def networks(environ: Mapping[str, str], name: str, default: str) -> tuple[Network, ...]:
    """Address ranges such as 10.0.0.0/8, separated by commas."""
    try:
        return tuple(ipaddress.ip_network(item) for item in words(environ, name, default))
    except ValueError as error:
        raise BadEnvironment(f"{name}: {error}. Use ranges such as 10.0.0.0/8, separated by commas.") from error


def web_address(environ: Mapping[str, str], name: str, default: str = "") -> str:
    """An http or https address without a path, such as https://ocr.example.org; no slash at its end."""
    value = text(environ, name, default).rstrip("/")
    if value:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
            raise BadEnvironment(f"{name} is {value!r}: use an address such as https://ocr.example.org.")
    return value


@dataclass(frozen=True)
class Mail:
    """A mail server. `host` is empty when none was named: then no mail is sent. `security`: "", starttls or tls."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = ""


def mail(environ: Mapping[str, str], name: str) -> Mail:
    """smtp://host, smtp+starttls://user:password@host:587 or smtps://user:password@host."""
    value = text(environ, name)
    if not value:
        return Mail()
    kinds = {"smtp": ("", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}
    try:
        parts = urlsplit(value)
        security, port = kinds[parts.scheme]
        found = Mail(parts.hostname or "", parts.port or port, unquote(parts.username or ""), "", security)
    except (KeyError, ValueError):
        found = Mail()
    if not found.host:
        # The value may hold a password: it is not repeated.
        raise BadEnvironment(f"{name} cannot be used: write smtp+starttls://user:password@mail.example.org:587.")
    return replace(found, password=unquote(parts.password or ""))


def folder(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """A folder's absolute path. It need not exist yet."""
    return Path(text(environ, name, str(default))).expanduser().absolute()


DATABASES = ("postgres", "postgresql", "sqlite")


def database_address(environ: Mapping[str, str], name: str, default: str) -> str:
    """The address of a PostgreSQL or SQLite database. What is refused is not repeated: it may hold a password."""
    value = text(environ, name, default)
    scheme = value.partition("://")[0][:20] if "://" in value else ""
    use = "use postgres://user:password@host/name, or sqlite:///path."
    if scheme not in DATABASES:
        what = f"begins with {scheme + '://'!r}" if scheme else "is no address"
        raise BadEnvironment(f"{name} {what}: {use}")
    try:
        _ = scheme == "sqlite" or urlsplit(value).port  # reading it is what checks it
    except ValueError as error:
        raise BadEnvironment(f"{name} cannot be understood: {use}") from error
    return value


def certificates(environ: Mapping[str, str], name: str) -> str:
    """The path of a file with certificates of authorities (PEM); empty when unset."""
    value = text(environ, name)
    if value:
        try:
            ssl.create_default_context(cafile=value)
        except (OSError, ValueError) as error:
            raise BadEnvironment(f"{name} is {value!r}: use a readable file of certificates (PEM).") from error
    return value


def host_of(address: str) -> str:
    """The host name of a web address, for ALLOWED_HOSTS."""
    return urlsplit(address).hostname or ""
