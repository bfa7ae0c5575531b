"""Ends HTTP calls from outside: one thread a process shuts the sockets of calls that are over their time or stopped.

A blocking read cannot be interrupted, and its timeout starts anew with each byte. Shutting the socket down wakes it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from jobs.domain.failures import TransportFault

# Events cannot be awaited together: while a call that can be stopped runs, its event is looked at this often.
LOOK_SECONDS = 0.1
# vLLM's uvicorn closes an idle connection after 5 s; one that is closed just as we send looks like a dead host.
IDLE_SECONDS = 2.0

_current = threading.local()


class Watch:
    """One call's limits, and the connection it runs on once there is one."""

    def __init__(self, *, until: float, stop: threading.Event | None) -> None:
        self.until = until
        self.stop = stop
        self.connection: HTTPConnection | None = None

    def verdict(self) -> TransportFault | None:
        """Why this call has to end, None while it may go on."""
        if self.stop is not None and self.stop.is_set():
            return TransportFault.CANCELLED
        return TransportFault.READ_TIMEOUT if time.monotonic() >= self.until else None


class Watchman:
    """The thread and the calls it watches. It sleeps while there is none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchman", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, watch: Watch) -> None:
        with self._changed:
            self._watches.discard(watch)
            watch.connection = None

    def bind(self, watch: Watch, connection: HTTPConnection) -> None:
        """The call goes over this connection from now on; an earlier call that used it no longer reaches it."""
        with self._changed:
            for other in self._watches:
                if other.connection is connection:
                    other.connection = None
            watch.connection = connection

    def _run(self) -> None:
        with self._changed:
            while True:
                for watch in self._watches:
                    if watch.connection is not None and watch.verdict():
                        _shut(watch.connection)
                self._changed.wait(self._pause_seconds())

    def _pause_seconds(self) -> float | None:
        if not self._watches:
            return None
        if any(watch.stop is not None or watch.verdict() for watch in self._watches):
            return LOOK_SECONDS
        return max(0.0, min(watch.until for watch in self._watches) - time.monotonic())


def _shut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is None:
        return
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's: it would pull TLS from under the reader
    except OSError:
        return  # closed already: what we wanted


_watchman = Watchman()


def _start_anew() -> None:
    global _watchman
    _watchman = Watchman()  # a forked child has the object but not the thread


os.register_at_fork(after_in_child=_start_anew)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """The requests this thread makes inside are ended when the watch says so."""
    _current.watch = watch
    _watchman.add(watch)
    try:
        yield
    finally:
        _watchman.remove(watch)
        _current.watch = None


class CallEnded(OSError):
    """The call was over before it could be sent."""


class _Watched:
    """Mixed into urllib3's connections: tells the watchman which socket the call of this thread uses."""

    sock: Any
    timeout: Any
    _last_used = 0.0

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._last_used = time.monotonic()

    def request(self, *args: Any, **kwargs: Any) -> None:
        watch: Watch | None = getattr(_current, "watch", None)
        if self.sock is not None and time.monotonic() - self._last_used > IDLE_SECONDS:
            self.close()  # type: ignore[attr-defined]
        if self.sock is None:
            self.connect()
        if watch is not None:
            _watchman.bind(watch, self)  # type: ignore[arg-type]
            if watch.verdict():
                raise CallEnded("ended before it was sent")
            # urllib3 would leave the connect timeout on the socket, and that bounds the sending of a whole page.
            self.timeout = max(0.001, watch.until - time.monotonic())
            self.sock.settimeout(self.timeout)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self) -> Any:
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            self._last_used = time.monotonic()


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class WatchedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class WatchedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS
