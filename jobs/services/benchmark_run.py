"""One benchmark while it runs. Every call holds a slot like any other, and people's pages go first: it takes only what
is free, and waits where somebody waits. Nothing of it is counted among people's pages.

The pages are those of the sample that comes with the site, drawn once. A host that keeps images it has seen (prefix
caching, a multi-modal cache) would be measured too fast: both are off in the launch flags that ship.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connections

from jobs import errors
from jobs.domain import benchmark_plan, chat
from jobs.domain.benchmark_plan import Call, Result, Step
from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.statuses import OPEN_DOCUMENTS
from jobs.gateways import images, rasterizer, vllm
from jobs.models import Benchmark, Page, SlotLease
from jobs.services import benchmarking, calling, slots

log = structlog.get_logger(__name__)

SAMPLE = Path(settings.BASE_DIR) / "static" / "samples" / "sample.pdf"
RENEW_SECONDS = 1.0  # also how often progress is shown, and a wish to stop seen
AGAIN_SECONDS = 0.2  # between two looks for a free slot
PATIENCE_SECONDS = 600.0  # without a single free slot
LONGEST_SECONDS = 3000.0  # below the broker's limit of an hour

Tell = Callable[[str], object]


class Ended(Exception):
    """The benchmark ends here: in which state, and why, a sentence."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


def run(benchmark_id: int, tell: Tell = lambda line: None) -> None:
    """Do the benchmark, if it waits. `tell` hears a line about each step."""
    benchmark = benchmarking.claim(benchmark_id)
    if benchmark is None:
        return
    try:
        sample = _drawn(benchmark)
        until = time.monotonic() + LONGEST_SECONDS
        while step := benchmarking.next_step(benchmark):
            result = _Step(benchmark, step, sample, until).run()
            if not benchmarking.add_step(benchmark, result):
                return
            tell(line(result))
        benchmarking.end(benchmark, "done")
    except Ended as ended:
        benchmarking.end(benchmark, ended.state, ended.reason)
    except errors.OcrsiteError as error:
        benchmarking.end(benchmark, "failed", error.message)
    except KeyboardInterrupt:
        benchmarking.end(benchmark, "stopped", "It was stopped.")
        raise


def _drawn(benchmark: Benchmark) -> _Sample:
    """The sample, drawn while the benchmark is held: on a busy machine drawing takes longer than a lease."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="benchmark") as pool:
        drawing = pool.submit(_Sample.drawn)
        while not wait([drawing], timeout=RENEW_SECONDS).done:
            if reason := benchmarking.renew(benchmark, "The sample is drawn."):
                raise Ended("stopped", reason)
        return drawing.result()


def line(result: Result) -> str:
    """A step in one line: "4 at once: 16 of 16 pages, 3.2 s; a page 0.7 s, 95 of 100 below 0.9 s"."""
    words = f"{result.step.title}: {result.read} of {result.step.pages} pages, {result.seconds:.3g} s"
    if result.p50 is not None:
        words += f"; a page {result.p50:.3g} s, 95 of 100 below {result.p95:.3g} s"
    others = [f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(result.outcomes.items())]
    words += "" if result.whole else f" ({', '.join(others)})"
    return f"{words}. People's pages went first." if result.disturbed else words


class _Sample:
    """The sample's pages as JPEG at each resolution, drawn once at the largest."""

    def __init__(self, drawn: list[tuple[bytes, int]]) -> None:
        self._drawn = drawn
        self._at: dict[int, list[bytes]] = {}

    @classmethod
    def drawn(cls) -> _Sample:
        """Raises errors.OcrsiteError where it cannot be drawn."""
        limits = rasterizer.in_force()
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="draw-") as folder:
            into = Path(folder)
            found = rasterizer.inspect(SAMPLE, max_pages=10, clear_copy=into / "clear.pdf", limits=limits)
            boxes = dict(enumerate(found.pages, start=1))
            pages = rasterizer.draw(
                SAMPLE, found.media_type, boxes, dpi=max(benchmark_plan.RESOLUTIONS), into=into, limits=limits
            )
            done = [(page.path.read_bytes(), page.dpi) for page in pages if isinstance(page, rasterizer.DrawnPage)]
        if not done:
            raise errors.Unavailable("The sample could not be drawn.")
        return cls(done)

    def at(self, dpi: int) -> list[bytes]:
        if dpi not in self._at:
            self._at[dpi] = [images.scaled(data, from_dpi=drawn, to_dpi=dpi) for data, drawn in self._drawn]
        return self._at[dpi]


class _Step:
    """One step: as many senders as pages are to be at once, each sending one page after another."""

    def __init__(self, benchmark: Benchmark, step: Step, sample: _Sample, until: float) -> None:
        self.benchmark, self.step, self.until = benchmark, step, until
        self.backend = benchmark.backend
        self.endpoint = calling.endpoint(self.backend)
        self._images = itertools.islice(itertools.cycle(sample.at(step.dpi)), step.pages)
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._calls: list[Call] = []
        self._spans: list[tuple[float, float]] = []
        self._gaps: list[float] = []
        self._disturbed = False
        self._failure: Failure | None = None

    def run(self) -> Result:
        """Raises Ended where the whole benchmark ends with it."""
        self._look()
        with ThreadPoolExecutor(max_workers=self.step.at_once, thread_name_prefix="benchmark") as pool:
            try:
                senders = [pool.submit(self._send_pages) for _ in range(self.step.at_once)]
                self._wait_for(senders)
            finally:
                self._stop.set()
        for sender in senders:
            sender.result()
        result = self._result()
        if self._failure is not None:
            benchmarking.add_step(self.benchmark, result)
            raise Ended("failed", f"{self._failure.reason} This was at: {self.step.title}.")
        return result

    def _result(self) -> Result:
        seconds = max(end for _, end in self._spans) - min(begin for begin, _ in self._spans) if self._spans else 0.0
        gap = sum(self._gaps) / len(self._gaps) if self._gaps else 0.0
        return benchmark_plan.result_of(
            self.step, self._calls, seconds=seconds, gap_seconds=gap, disturbed=self._disturbed
        )

    def _wait_for(self, senders: list[Future[None]]) -> None:
        while True:
            _, waiting = wait(senders, timeout=RENEW_SECONDS, return_when=FIRST_EXCEPTION)
            if not waiting or any(sender.done() and sender.exception() for sender in senders):
                return
            self._look()

    def _look(self) -> None:
        """Hold the benchmark, tell how far it is, and end where somebody wants that."""
        doing = f"{self.step.title}: {len(self._calls)} of {self.step.pages} pages"
        reason = benchmarking.renew(self.benchmark, doing)
        if reason:
            raise Ended("stopped", reason)
        if time.monotonic() > self.until:
            raise Ended("failed", f"It took longer than {LONGEST_SECONDS / 60:.0f} minutes.")

    def _send_pages(self) -> None:
        ended_at: float | None = None
        try:
            while (image := self._next()) is not None:
                lease = self._slot()
                if lease is None:
                    return
                try:
                    ended_at = self._send(image, after=ended_at)
                finally:
                    slots.give_back(lease)
        finally:
            connections.close_all()

    def _next(self) -> bytes | None:
        with self._guard:
            return None if self._stop.is_set() else next(self._images, None)

    def _send(self, image: bytes, *, after: float | None) -> float:
        """Sends a page and keeps what came of it. Returns when the call ended, of time.monotonic()."""
        body = chat.build_body(
            model=self.backend.model,
            image=image,
            prompt=chat.prompt_for("markdown"),
            max_tokens=calling.max_tokens(self.backend),
            stream=self.backend.streaming,
        )
        began = time.monotonic()
        try:
            reply = vllm.complete(self.endpoint, body, calling.deadlines(), stop=self._stop)
            outcome, tokens = Outcome.OK, reply.completion_tokens
        except errors.BackendFailed as error:
            outcome, tokens = error.failure.outcome, None
            self._judge(error.failure)
        ended = time.monotonic()
        with self._guard:
            self._calls.append(Call(ended - began, outcome, tokens, first=after is None))
            self._spans.append((began, ended))
            if after is not None:
                self._gaps.append(began - after)
        return ended

    def _judge(self, failure: Failure) -> None:
        """A host that is gone or set up wrongly is asked no more; a page too large for it is a result."""
        gone = failure.blame in (Blame.HOST, Blame.SETUP) or failure.outcome is Outcome.HOST_DOWN
        if gone and not self._stop.is_set():
            with self._guard:
                self._failure = self._failure or failure
            self._stop.set()

    def _slot(self) -> SlotLease | None:
        """A slot as soon as one is free that nobody else waits for; None where the step was stopped meanwhile."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while not self._stop.is_set():
            if lease := self._take():
                return lease
            if time.monotonic() > patience:
                raise Ended("failed", f"No slot was free for {PATIENCE_SECONDS / 60:.0f} minutes: pages go first.")
            self._disturbed = True
            self._stop.wait(AGAIN_SECONDS)
        return None

    def _take(self) -> SlotLease | None:
        """A slot, if one is free and no page waits for the host."""
        others = SlotLease.objects.filter(backend=self.backend).exclude(kind="benchmark")
        waits = Page.objects.waiting_for_a_slot().filter(
            document__backend=self.backend.name, document__status__in=OPEN_DOCUMENTS
        )
        if others.exists():
            self._disturbed = True
        if waits.exists():
            return None
        seconds = settings.CALL_SECONDS + calling.CONNECT_SECONDS
        try:
            return slots.take(self.backend, "benchmark", seconds)
        except errors.Conflict as taken:
            log.debug("benchmark.waits", backend=self.backend.name, reason=taken.message)
            return None
