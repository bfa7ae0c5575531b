"""A vLLM server without a GPU: its answers, its queue, its ways to fail. For tests and for the benchmarks.

In a thread of the test (`with Simulator.start(slots=4) as host`), or as a process of its own:

    python -m tests.vllm_simulator --port 9001 --slots 4 --service-seconds 0.5

It prints its base URL, then the URL of its control interface, which stays open while the port is closed:
GET state; POST faults {"kind", "times", "when": {"image_sha256", "prompt"}, "path", …options}; DELETE faults;
POST settings {"service_seconds", "texts", …}; POST reset; POST stop {"drop"}; POST listen.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any, Self

from aiohttp import web

from tests.vllm_faults import CHAT, KINDS, Call, Fault
from tests.vllm_host import Host

MODEL = "deepseek-ai/DeepSeek-OCR"
SETTINGS = (
    *("service_seconds", "held", "model", "max_model_len", "version", "api_key", "allowed_extra", "texts"),
    "processor",
)
NUMBERS = ("in_flight", "max_in_flight", "over_limit", "tokens_made", "connections")


class Simulator:
    """One simulated host. Everything here may be called from any thread but the simulator's own."""

    def __init__(
        self,
        *,
        slots: int = 4,
        service_seconds: float = 0.0,
        model: str = MODEL,
        max_model_len: int = 8192,
        version: str = "0.20.2",
        api_key: str = "",
        allowed_extra: int = 1,
        port: int = 0,
    ) -> None:
        self.host = Host(
            slots=slots, service_seconds=service_seconds, model=model, max_model_len=max_model_len, version=version
        )
        self.host.api_key, self.host.allowed_extra = api_key, allowed_extra
        self.host.on_death = self._close_port_later
        self._site: web.TCPSite | None = None
        self._placeholder = _bound(port)  # keeps the number ours while nobody listens on it
        self.port: int = self._placeholder.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm-simulator", daemon=True)

    @classmethod
    def start(cls, **settings: Any) -> Self:
        """A running simulator; use it with `with`, or call stop()."""
        simulator = cls(**settings)
        simulator._thread.start()
        simulator._run(simulator._open())
        return simulator

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._placeholder.close()

    @property
    def calls(self) -> list[Call]:
        """Every request that reached the queue, in the order of arrival (refused ones did not)."""
        return list(self.host.calls)

    @property
    def max_in_flight(self) -> int:
        return self.host.max_in_flight

    @property
    def over_limit(self) -> int:
        """How many calls came although slots + allowed_extra were taken."""
        return self.host.over_limit

    @property
    def listening(self) -> bool:
        return self._site is not None

    def configure(self, **settings: Any) -> None:
        """Change one of SETTINGS while it runs."""
        for name, value in settings.items():
            if name not in SETTINGS:
                raise ValueError(f"no such setting: {name}")
            setattr(self.host, name, value)

    def set_text(self, image_sha256: str, text: str) -> None:
        """What the host "reads" on this image from now on."""
        self.host.texts[image_sha256] = text

    def set_fault(
        self,
        kind: str,
        times: int | None = None,
        when: Callable[[Call], bool] | None = None,
        *,
        path: str = CHAT,
        **options: Any,
    ) -> None:
        """The next `times` requests that fit `when` meet this fault; faults set earlier come first.

        Options: status (status, message, body, headers, param), slow and dribble (seconds), wrong_text (text),
        engine_death (after_seconds, health_seconds, beside: it waits until so many others are in flight).
        `path` "/health", "/metrics", … for faults that need no page.
        """
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}; known are {', '.join(KINDS)}")
        if kind == "refuse":
            self.stop_listening()
        else:
            self.host.faults.append(Fault(kind, times, when, path, options))

    def clear_faults(self) -> None:
        """A well server again, listening."""
        self._run(self._recover())

    def stop_listening(self, *, drop: bool = False) -> None:
        """Refuse connections. Requests in flight go on, or with `drop` are cut like those of a killed server."""
        self._run(self._stop_listening(drop))

    def listen_again(self) -> None:
        """Up again like a restarted server: the engine lives, its queue is empty."""
        self._run(self._listen())

    def reset(self) -> None:
        """Forget calls, counts, texts and faults."""
        self._run(self._reset())

    def state(self) -> dict[str, Any]:
        host = self.host
        counts = {name: getattr(host, name) for name in NUMBERS} | {"ended": dict(host.ended)}
        now = {"listening": self.listening, "running": host.slots.running, "waiting": host.slots.queued()}
        return {"base_url": self.base_url, **now, **counts, "calls": [asdict(call) for call in host.calls]}

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _open(self) -> None:
        application = web.Application(client_max_size=128 * 2**20, middlewares=[self.host.guard])
        application.add_routes(self.host.routes())
        application.router.add_route("*", "/_sim/{what}", self._control)
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        control = web.TCPSite(self._runner, "127.0.0.1", 0)
        await control.start()
        self.control_url = f"http://127.0.0.1:{control.port}/_sim"
        await self._listen()

    async def _close(self) -> None:
        await self._stop_listening(drop=True)
        await self._runner.cleanup()

    async def _listen(self) -> None:
        self.host.closing = False
        if self._site is None:
            self.host.revive()
            self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, reuse_port=True)
            await self._site.start()

    async def _stop_listening(self, drop: bool) -> None:
        self.host.closing = True
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        for transport, busy in list(self.host.transports.items()):
            if drop or not busy:  # an idle kept-alive connection would still be served
                transport.abort()

    async def _recover(self) -> None:
        self.host.faults.clear()
        if self.host.dead is not None and self.host.dead.done():
            await self._stop_listening(drop=True)
        await self._listen()

    async def _reset(self) -> None:
        self.host.forget()
        self.host.texts = {}
        await self._recover()

    def _close_port_later(self, health_seconds: float) -> None:
        dead = self.host.dead

        def close() -> None:
            if self.host.dead is dead:  # not started anew meanwhile
                self._closing = self._loop.create_task(self._stop_listening(drop=False))

        self._loop.call_later(health_seconds, close)

    async def _control(self, request: web.Request) -> web.Response:
        given = await request.json() if request.can_read_body else {}
        match request.match_info["what"], request.method:
            case "faults", "POST":
                when = _condition(given.pop("when", None))
                kind, times, path = given.pop("kind"), given.pop("times", None), given.pop("path", CHAT)
                if kind not in KINDS:
                    return web.json_response({"error": f"no such fault: {kind}"}, status=400)
                self.host.faults.append(Fault(kind, times, when, path, given))
                if kind == "refuse":
                    await self._stop_listening(False)
            case "faults", "DELETE":
                await self._recover()
            case "settings", "POST":
                self.configure(**given)
            case "reset", "POST":
                await self._reset()
            case "stop", "POST":
                await self._stop_listening(bool(given.get("drop")))
            case "listen", "POST":
                await self._listen()
            case ("state", "GET"):
                pass
            case _:
                return web.json_response({"error": "no such control"}, status=404)
        return web.json_response(self.state())


def _bound(port: int) -> socket.socket:
    placeholder = socket.socket()
    placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    placeholder.bind(("127.0.0.1", port))
    return placeholder


def _condition(when: dict[str, str] | None) -> Callable[[Call], bool] | None:
    if not when:
        return None
    image, prompt = when.get("image_sha256", ""), when.get("prompt", "")
    return lambda call: call.image_sha256.startswith(image) and prompt in call.prompt


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A simulated vLLM server.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--service-seconds", type=float, default=0.0)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--max-model-len", type=int, default=8192)
    parser.add_argument("--version", default="0.20.2")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--allowed-extra", type=int, default=1)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Simulator.start(**vars(parser.parse_args(arguments))) as simulator:
        sys.stdout.write(f"{simulator.base_url}\n{simulator.control_url}\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
