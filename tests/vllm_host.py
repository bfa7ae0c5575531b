"""The inside of the simulated vLLM server: slots, queue, faults, handlers. tests/vllm_simulator.py drives it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests import vllm_answers as answers
from tests.vllm_faults import AT_ONCE, CHAT, IN_A_SLOT, READINGS, Call, Fault, abort, engine_dead, misbehave, spoil


class EngineDied(Exception):
    """Every request in flight ends with this when the engine goes."""


class Slots:
    """As many requests as there are slots run; the others wait in the order they came."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self.running < self.size:
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # its turn came just as the client hung up
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def queued(self) -> int:
        return sum(not turn.done() for turn in self._waiting)

    def fail_all(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(EngineDied())

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1


class Host:
    """One server. All of it runs in its event loop; numbers may be read and settings changed from anywhere."""

    def __init__(self, *, slots: int, service_seconds: float, model: str, max_model_len: int, version: str) -> None:
        self.slots = Slots(slots)
        self.service_seconds = service_seconds
        self.model, self.max_model_len, self.version = model, max_model_len, version
        self.api_key = ""
        self.allowed_extra = 1
        self.closing = False  # while it is, an answer is the last one of its connection
        self.held = False  # while it is, no page comes to its end: a test lets them go when all stands as it should
        self.processor = True  # whether it was started with the n-gram processor
        self.texts: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.on_death: Callable[[float], None] = lambda health_seconds: None
        self.dead: asyncio.Future[None] | None = None
        self.transports: dict[asyncio.Transport, int] = {}  # -> requests it has in hand
        self.connections = 0
        self.forget()

    def forget(self) -> None:
        self.calls: list[Call] = []
        self.ended: Counter[str] = Counter()
        self.in_flight = self.max_in_flight = self.over_limit = self.tokens_made = 0

    def revive(self) -> None:
        self.dead = asyncio.get_running_loop().create_future()
        self.slots = Slots(self.slots.size)

    def routes(self) -> list[web.RouteDef]:
        pairs = {"/health": self._health, "/ping": self._health, "/version": self._version}
        pairs |= {"/v1/models": self._models, "/metrics": self._metrics}
        return [web.post(CHAT, self._chat), *(web.get(path, handler) for path, handler in pairs.items())]

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Counts what each connection has in hand, asks for the key, applies faults of other paths."""
        transport = request.transport
        if not isinstance(transport, asyncio.Transport) or request.path.startswith("/_sim/"):
            return await handler(request)
        self.transports = {known: busy for known, busy in self.transports.items() if not known.is_closing()}
        self.connections += transport not in self.transports
        self.transports[transport] = self.transports.get(transport, 0) + 1
        try:
            given = request.headers.get("Authorization")
            if self.api_key and request.path.startswith("/v1/") and given != f"Bearer {self.api_key}":
                return web.json_response({"error": "Unauthorized"}, status=401)
            if request.path != CHAT and (fault := self._pick(request.path, None)):
                return await misbehave(request, fault)
            response = await handler(request)
            if self.closing:
                response.force_close()
            return response
        finally:
            self.transports[transport] -= 1

    def _is_dead(self) -> bool:
        return self.dead is None or self.dead.done()

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=503 if self._is_dead() else 200)

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": self.version})

    async def _models(self, _: web.Request) -> web.Response:
        wrong = any(fault.kind == "wrong_model" and fault.times != 0 for fault in self.faults)
        return web.json_response(answers.models("another/model" if wrong else self.model, self.max_model_len))

    async def _metrics(self, _: web.Request) -> web.Response:
        numbers = {"running": self.slots.running, "waiting": self.slots.queued(), "slots": self.slots.size}
        text = answers.metrics(self.model, **numbers, tokens_made=self.tokens_made, ended=self.ended)
        return web.Response(text=text, content_type="text/plain")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
            image_sha256, prompt = answers.checked(body, self.model, self.max_model_len, processor=self.processor)
        except answers.Refusal as refusal:
            return web.json_response(refusal.payload, status=refusal.status)
        except ValueError:
            return web.json_response(answers.error("1 validation error:\n  {'type': 'json_invalid'}", 400), status=400)
        call = Call(image_sha256, prompt, answers.without_image(body, image_sha256), time.monotonic())
        self._count(call)
        try:
            return await self._answer(request, call)
        except (asyncio.CancelledError, ConnectionError):
            call.outcome = call.outcome or "abort"  # the client hung up: vLLM frees the slot
            raise
        finally:
            self.in_flight -= 1
            call.ended = time.monotonic()
            self.ended[call.outcome if call.outcome in answers.FINISH_REASONS else "error"] += 1

    def _count(self, call: Call) -> None:
        self.calls.append(call)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.over_limit += self.in_flight > self.slots.size + self.allowed_extra

    def _pick(self, path: str, call: Call | None) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.meets(path, call)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        fault = self._pick(request.path, call) or Fault("")
        if fault.kind in AT_ONCE:
            call.outcome = fault.kind
            return await misbehave(request, fault)
        if self._is_dead():
            call.outcome = "engine_death"
            return engine_dead()
        return await (self._stream if call.body.get("stream") else self._plain)(request, call, fault)

    async def _plain(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        try:
            async with self.slots:
                await self._work(fault)
        except EngineDied:
            call.outcome = "engine_death"
            return engine_dead()
        text, call.outcome = self._reading(call, fault)
        if fault.kind in IN_A_SLOT:
            payload = answers.completion(self.model, text, call.outcome)
            call.outcome = fault.kind
            return await spoil(request, fault, json.dumps(payload, ensure_ascii=False).encode())
        self.tokens_made += len(answers.tokens(text))
        return web.json_response(answers.completion(self.model, text, call.outcome))

    async def _stream(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            async with self.slots:
                await self._speak(response, call, fault)
        except EngineDied:
            call.outcome = "engine_death"
            await response.write(answers.event(answers.error(answers.ENGINE_DEATH)))
        if fault.kind == "cut_mid_body":
            abort(request, hard=False)
        else:
            await response.write(b"data: [DONE]\n\n")
        return response

    async def _speak(self, response: web.StreamResponse, call: Call, fault: Fault) -> None:
        text, finish_reason = self._reading(call, fault)
        usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
        pieces = list(answers.chunks(self.model, text, finish_reason, usage=usage))
        if fault.kind == "cut_mid_body":
            pieces = pieces[: len(pieces) // 2]
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2 and fault.kind in ("engine_death", "oom_words"):
                await self._work(fault)
                await response.write(answers.event(answers.error(answers.OOM)))
                return
            await self._unless_dead(self._seconds(fault) / len(pieces))
            await response.write(answers.event(piece))
        call.outcome = finish_reason if fault.kind in ("", *READINGS) else fault.kind
        self.tokens_made += len(answers.tokens(text))

    def _reading(self, call: Call, fault: Fault) -> tuple[str, str]:
        """The text and the finish reason, as the faults that concern them have it."""
        text = self.texts.get(call.image_sha256) or answers.page_text(call.image_sha256, call.prompt)
        text = str(fault.options.get("text", "nothing of the kind")) if fault.kind == "wrong_text" else text
        if call.body.get("skip_special_tokens", True):
            text = answers.without_special_tokens(text)
        if fault.kind == "empty":
            return "", "stop"
        if fault.kind == "looping":
            return text + "the same line again\n" * 200, "repetition" if self._ends_loops(call) else "length"
        pieces = answers.tokens(text)
        limit = len(pieces) // 2 if fault.kind == "cut_off" else call.body.get("max_tokens") or self.max_model_len
        if len(pieces) > limit:
            return "".join(pieces[:limit]), "length"
        return text, "abort" if fault.kind == "abort" else "stop"

    def _ends_loops(self, call: Call) -> bool:
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return "repetition_detection" in call.body and (major, minor) >= (0, 17)

    def _seconds(self, fault: Fault) -> float:
        extra: float = fault.options.get("seconds", 1.0) if fault.kind == "slow" else 0.0
        return self.service_seconds + extra

    async def _work(self, fault: Fault) -> None:
        """A slot's work. Raises EngineDied as soon as the engine is gone, whoever killed it."""
        if fault.kind != "engine_death":
            return await self._unless_dead(self._seconds(fault))
        while self.in_flight <= fault.options.get("beside", 0):
            await self._unless_dead(0.01)
        await self._unless_dead(fault.options.get("after_seconds", self.service_seconds / 2))
        self.die(fault.options.get("health_seconds", 0.3))
        raise EngineDied

    def die(self, health_seconds: float) -> None:
        """The engine is gone: all in flight fails now; /health says 503 until the port is closed."""
        if self.dead is not None and not self.dead.done():
            self.dead.set_result(None)
            self.slots.fail_all()
            self.on_death(health_seconds)

    async def _unless_dead(self, seconds: float) -> None:
        assert self.dead is not None
        if seconds > 0:
            await asyncio.wait({self.dead}, timeout=seconds)
        while self.held and not self.dead.done():
            await asyncio.wait({self.dead}, timeout=0.02)
        if self.dead.done():
            raise EngineDied
