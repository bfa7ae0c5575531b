"""One process, one event loop: granian carries HTTP into it, and tesseract's processes are children of this one."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from . import app
from .engine import Engine
from .tesseract import Installed

logger = logging.getLogger(__name__)

_BACKLOG = 1024
_STOP_SECONDS = 2


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def serve(listener: socket.socket, installed: Installed, *, slots: int, deadline_seconds: float) -> None:
    """Answers until SIGTERM or SIGINT; then ends what is in flight and returns."""
    asyncio.run(_serve(listener, installed, slots, deadline_seconds))


async def _serve(listener: socket.socket, installed: Installed, slots: int, deadline_seconds: float) -> None:
    host, port = listener.getsockname()[:2]
    engine = Engine(installed, slots=slots, deadline_seconds=deadline_seconds)
    server = _OwnSocketServer(
        app.build(engine),
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_level=LogLevels.error,
    )
    server.listener = listener
    serving = asyncio.create_task(server.serve())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    languages = ", ".join(installed.languages)
    logger.info("The CPU backend listens at http://%s:%d (%d slots, languages: %s).", host, port, slots, languages)
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await engine.stop()
    server.stop()
    await asyncio.wait({serving}, timeout=_STOP_SECONDS)


class _OwnSocketServer(Server):
    """Granian's own socket shares its port with any other process that asks (SO_REUSEPORT): a second server on a taken
    port would start, and the two would take turns. It is handed one that does not share."""

    listener: socket.socket

    def _init_shared_socket(self) -> None:
        self._ssp = None
        holder = SocketHolder(self.listener.detach(), False, _BACKLOG)  # type: ignore[call-arg] # the stub has none
        self._shd = holder  # type: ignore[assignment] # granian only ever sets it where it has no annotation
