"""What a page costs: CPU, queries, memory, disk."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from bench import processes
from bench.measurement import Measurement, p95
from bench.pages import dense_pdf
from bench.scene import Scene
from jobs.domain import scheduling
from jobs.gateways import rasterizer
from tests import files

STREAM_CHUNKS = 800
ROUNDS = 3
REST_SECONDS = 3.0
A4_POINTS = (595.28, 841.89)


def cpu_per_page(quick: bool) -> list[Measurement]:
    """Worker, Redis and database, without drawing: plain answers, and streams of STREAM_CHUNKS pieces."""
    pages = 100 if quick else 300
    plain, bare = _cpu(pages, stream=False)
    streamed, bare_stream = _cpu(pages // 2, stream=True)
    return [
        Measurement("cpu_per_page", "plain answers", plain, "ms", at_most=8.0),
        Measurement("cpu_per_page", "plain, against bare threads", plain, "ms", bare, at_most=2.0),
        Measurement("cpu_per_page", "streamed, against bare threads", streamed, "ms", bare_stream, at_most=1.3),
    ]


def _cpu(pages: int, *, stream: bool) -> tuple[float, float]:
    """Milliseconds a page: of the site, and of a bare client with threads."""
    with Scene() as scene:
        scene.add_hosts(spread="free", streaming=stream, calypso=0.25, spark=0.25)
        document = scene.upload(pages)
        images = scene.drawn(document)
        start = scene.bare("requests", [])["cpu_seconds"]  # what Python's own start costs
        if stream:
            scene.make_hosts_say(STREAM_CHUNKS)
        used = scene.bare("requests", images, stream=stream)["cpu_seconds"] - start
        if stream:
            scene.make_hosts_say(STREAM_CHUNKS)  # they have forgotten it
        scene.start()
        before = scene.cpu_seconds()
        scene.release(document)
        scene.until_ended(document)
        return 1000 * (scene.cpu_seconds() - before) / pages, 1000 * used / pages


def linear(quick: bool) -> list[Measurement]:
    """Four times the pages, about four times the CPU: on one site, which the fewest pages warm."""
    sizes = (50, 200, 800) if quick else (100, 400, 1600)
    used = []
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=0.02, spark=0.02)
        documents = [scene.upload(pages, stamps=True) for pages in sizes]
        scene.drawn(*documents)
        scene.start()
        for document in documents:
            before = scene.cpu_seconds()
            scene.release(document)
            scene.until_ended(document)
            used.append(scene.cpu_seconds() - before)
    what = f"CPU of {sizes[2]} pages against {sizes[1]}"
    return [Measurement("linear", what, used[2], "s", used[1], at_most=4.2)]


def idle(quick: bool) -> list[Measurement]:
    """Nothing to do: how much CPU all parts use in each rest, and how long a message lies there after it."""
    tries = 2 if quick else 8
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=0.0, spark=0.0)
        documents = [scene.upload(1, stamps=True) for _ in range(tries)]
        scene.drawn(*documents)
        scene.running.start_web()
        scene.start()
        waits, used = [], 0.0
        for document in documents:
            before = scene.cpu_seconds()
            time.sleep(REST_SECONDS)  # what is measured is a stretch of doing nothing
            used += scene.cpu_seconds() - before
            released = scene.release(document)
            scene.until_ended(document)
            newest = max(began for host in scene.hosts.values() for began, _ in host.pages())
            waits.append(1000 * (newest - released))
    waits.sort()
    share = 100 * used / (tries * REST_SECONDS)
    return [
        Measurement("idle", "CPU of all parts", share, "% of a core", at_most=6.0),
        Measurement("idle", "hand-over after 3 s, p95", p95(waits), "ms", at_most=60.0),
    ]


def render_cost(quick: bool) -> list[Measurement]:
    """CPU of drawing against one bare pdftoppm over the same pages; and the last pages of a long file."""
    pages = 24 if quick else 48
    long = 400 if quick else 2000
    with tempfile.TemporaryDirectory() as folder:
        dense = dense_pdf(Path(folder) / "dense.pdf", pages)
        ours, small, bare = _least_of_children(
            lambda: _draw_all(dense, pages, scheduling.LONGEST_CHUNK_PAGES),
            lambda: _draw_all(dense, pages, scheduling.CHUNK_PAGES),
            lambda: _pdftoppm(dense, Path(folder)),
        )
        stamps = files.numbered_pdf(Path(folder) / "long.pdf", long)
        first, last = _least_of_children(
            lambda: _draw(stamps, range(1, 13)), lambda: _draw(stamps, range(long - 11, long + 1))
        )
    return [
        Measurement("render_cost", f"{pages} pages against pdftoppm", 1000 * ours / pages, "ms", 1000 * bare / pages,
                    at_most=1.15),
        Measurement("render_cost", "in chunks for a small host", 1000 * small / pages, "ms", 1000 * bare / pages),
        Measurement("render_cost", f"last 12 of {long} against first 12", last, "s", first, at_most=1.2),
    ]  # fmt: skip


def _draw_all(path: Path, pages: int, size: int) -> None:
    """In chunks as the site draws them."""
    for first in range(1, pages + 1, size):
        _draw(path, range(first, min(first + size, pages + 1)))


def _draw(path: Path, numbers: range) -> None:
    boxes = {number: rasterizer.PageBox(*A4_POINTS) for number in numbers}
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads") as folder:
        drawn = rasterizer.draw(path, "application/pdf", boxes, dpi=200, into=Path(folder))
    assert all(isinstance(page, rasterizer.DrawnPage) for page in drawn)


def _pdftoppm(path: Path, folder: Path) -> None:
    quality = f"quality={rasterizer.JPEG_QUALITY}"
    command = ["pdftoppm", "-jpeg", "-jpegopt", quality, "-r", "200", str(path), str(folder / "bare")]
    subprocess.run(command, check=True, timeout=600)


def _least_of_children(*works: Callable[[], object]) -> list[float]:
    """As `_cpu_of_children`, of several kinds of work in turns: the least of ROUNDS each, as what else the machine does
    only adds to it."""
    rounds = [[_cpu_of_children(work) for work in works] for _ in range(ROUNDS)]
    return [min(took) for took in zip(*rounds, strict=True)]


def _cpu_of_children(work: Callable[[], object]) -> float:
    """CPU seconds that this process and what it started used for it, once that has ended."""
    us = os.getpid()
    before = processes.cpu_seconds(us)
    work()
    while len(processes.tree(us)) > 2:  # us and the template of limited children, which stays
        time.sleep(0.01)
    return processes.cpu_seconds(us) - before


def big_document(quick: bool) -> list[Measurement]:
    """A long document against a short one: memory of the workers and their children, and page images ahead of the
    hosts."""
    short, long = (100, 600) if quick else (100, 2000)
    peaks = [_peaks(pages) for pages in (short, long)]
    ahead = 2 * (5 + 18) + 2 * scheduling.LONGEST_CHUNK_PAGES
    return [
        Measurement("big_document", f"memory, {long} pages against {short}", peaks[1][0], "MB", peaks[0][0],
                    at_most=1.2),
        Measurement("big_document", "page images not sent yet, at most", peaks[1][1], "pages", at_most=ahead),
    ]  # fmt: skip


def _peaks(pages: int) -> tuple[float, float]:
    from jobs.models import Page

    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=0.05, spark=0.05)
        document = scene.upload(pages, stamps=True)
        scene.start()
        images: list[float] = [0.0]
        pid = scene.running.children["worker0"]
        with sampled(lambda: processes.memory_mb(processes.tree(pid))) as memory:
            scene.prepare(document)
            while not document.finished_at:
                images.append(Page.objects.filter(document=document, status="rendered").count())
                document.refresh_from_db()
                time.sleep(0.1)
        return max(memory), max(images)


@contextmanager
def sampled(read: Callable[[], float]) -> Iterator[list[float]]:
    """Reads a figure some thirty times a second meanwhile, as a child that draws may live no longer; all readings."""
    readings, stop = [read()], threading.Event()

    def run() -> None:
        while not stop.wait(0.03):
            readings.append(read())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield readings
    finally:
        stop.set()
        thread.join()
