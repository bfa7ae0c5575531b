"""Slots and the queue in front of them: as many pages at once as slots; all others wait, in order; none is refused."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from . import images, layout, tesseract
from .chat import Answer, ApiError, ChatRequest, bad_request, internal_error
from .metrics import Metrics

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Engine:
    """Reads pages. Belongs to one event loop. Cancelling a reading kills its process and frees its slot."""

    def __init__(self, installed: tesseract.Installed, *, slots: int, deadline_seconds: float) -> None:
        self.installed = installed
        self.metrics = Metrics()
        self._slots = asyncio.Semaphore(slots)
        self._deadline_seconds = deadline_seconds
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def start(self, request: ChatRequest) -> asyncio.Task[Answer]:
        """The task raises ApiError. Raises it itself for what can be refused before there is a slot."""
        try:
            data = images.bytes_of(request.image_url)
        except images.BadImage as error:
            raise bad_request(str(error)) from error
        return self.adopt(self._counted(request, data))

    def adopt(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Work that is cancelled when the engine stops."""
        if self._stopping:
            work.close()
            raise stopping()
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Ends everything in flight: their requests are answered, their processes killed. Nothing new is taken."""
        self._stopping = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    async def look_again(self) -> tuple[str, ...]:
        """The languages installed now: a pack that was just installed is there without a restart."""
        try:
            self.installed = await asyncio.to_thread(tesseract.look)
        except tesseract.NotInstalled as error:
            raise internal_error(str(error)) from error
        return self.installed.languages

    async def _counted(self, request: ChatRequest, data: bytes) -> Answer:
        arrived = time.monotonic()
        try:
            answer = await self._read(request, data)
        except asyncio.CancelledError:
            self.metrics.finished["abort"] += 1
            raise
        except ApiError:
            self.metrics.finished["error"] += 1
            raise
        self.metrics.finished[answer.finish_reason] += 1
        self.metrics.prompt_tokens += answer.prompt_tokens
        self.metrics.generation_tokens += answer.completion_tokens
        self.metrics.latency.observe(time.monotonic() - arrived)
        return answer

    async def _read(self, request: ChatRequest, data: bytes) -> Answer:
        language = await self._language(request.language)
        async with self._slot():
            try:
                bitmap = await asyncio.to_thread(images.decode, data)
                tsv = await tesseract.read(bitmap, language, self._deadline_seconds)
            except images.BadImage as error:
                raise bad_request(str(error)) from error
            except tesseract.TesseractFailed as error:
                logger.warning("%s %s", error, error.detail)
                raise internal_error(str(error)) from error
            return _answer(request, layout.read_tsv(tsv), bitmap)

    async def _language(self, language: str) -> str:
        if not language:
            return tesseract.default_language(self.installed.languages)
        if tesseract.missing(language, self.installed.languages):
            absent = tesseract.missing(language, await self.look_again())
            if absent:
                raise bad_request(tesseract.refusal(absent), "language")
        return language

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        waiting_since = time.monotonic()
        self.metrics.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.metrics.waiting -= 1
        running_since = time.monotonic()
        self.metrics.queue_time.observe(running_since - waiting_since)
        self.metrics.running += 1
        try:
            yield
        finally:
            self.metrics.running -= 1
            self.metrics.inference_time.observe(time.monotonic() - running_since)
            self._slots.release()


def stopping() -> ApiError:
    """In the words of a vLLM that is draining, by which a client knows to try elsewhere and blame nobody."""
    return internal_error("cannot schedule new futures after shutdown: this server is stopping.")


def _answer(request: ChatRequest, paragraphs: Sequence[layout.Paragraph], bitmap: images.Bitmap) -> Answer:
    words = layout.count_words(paragraphs)
    cut = words > request.max_tokens
    if cut:
        paragraphs = layout.first_words(paragraphs, request.max_tokens)
    if request.tagged:
        blocks = layout.tagged_blocks(paragraphs, bitmap.width_px, bitmap.height_px)
    else:
        blocks = layout.plain_blocks(paragraphs)
    return Answer(
        id=f"chatcmpl-{uuid.uuid4().hex[:16]}",
        created=int(time.time()),
        pieces=tuple(layout.joined(blocks)),
        finish_reason="length" if cut else "stop",
        prompt_tokens=len(request.prompt.split()),
        completion_tokens=min(words, request.max_tokens),
    )
