"""What went wrong with a call before an answer could be understood: foreign errors, sorted into our kinds."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3

from jobs.domain.failures import TransportFault

FOREIGN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)

_KINDS: tuple[tuple[tuple[type[BaseException], ...], TransportFault], ...] = (
    ((ssl.SSLCertVerificationError,), TransportFault.TLS),
    ((requests.ConnectTimeout,), TransportFault.CONNECT_TIMEOUT),
    ((requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError), TransportFault.READ_TIMEOUT),
    ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError, socket.gaierror), TransportFault.REFUSED),
    ((http.client.RemoteDisconnected, ConnectionError), TransportFault.RESET),
    ((http.client.IncompleteRead, urllib3.exceptions.IncompleteRead), TransportFault.CUT),
    ((http.client.HTTPException, urllib3.exceptions.InvalidChunkLength), TransportFault.GARBAGE),
    ((TimeoutError,), TransportFault.READ_TIMEOUT),
    ((ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError), TransportFault.TLS),
    ((ValueError, requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError), TransportFault.ADDRESS),
)


def kind_of(error: BaseException) -> TransportFault:
    """The kind of a foreign error. Libraries wrap one another: the whole chain is looked through, row by row."""
    chain = list(_chain(error))
    for kinds, fault in _KINDS:
        if any(isinstance(link, kinds) for link in chain):
            return fault
    return TransportFault.RESET


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting += [item for item in inner if isinstance(item, BaseException)]
