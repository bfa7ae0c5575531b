"""The reference: a bare client that sends the same images to the same hosts and does nothing else.

    python -m bench.bare SPECIFICATION.json

The specification: {"how": "aiohttp" | "requests" | "sequential", "hosts": [{"base_url", "in_flight"}],
"images": [path], "stream": false}. Prints {"wall_seconds", "cpu_seconds", "failed"}. Each host is kept full: as many
requests in flight as `in_flight` says, all from one list. In a process of its own, so that its CPU can be told.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import aiohttp
import requests

from jobs.domain import chat

SECONDS = 120.0
PATH = "/v1/chat/completions"


def body_of(image: str, *, stream: bool) -> bytes:
    """The same request that the site would send."""
    return chat.encode_body(
        chat.build_body(
            model="deepseek-ai/DeepSeek-OCR",
            image=Path(image).read_bytes(),
            prompt=chat.prompt_for("markdown"),
            max_tokens=4096,
            stream=stream,
        )
    )


HEADERS = {"Content-Type": "application/json"}


async def with_aiohttp(hosts: list[dict[str, Any]], images: deque[str], stream: bool) -> int:
    failed = 0

    async def pull(session: aiohttp.ClientSession, base_url: str) -> None:
        nonlocal failed
        while images:
            data = body_of(images.popleft(), stream=stream)
            async with session.post(base_url + PATH, data=data, headers=HEADERS) as answer:
                await answer.read()
                failed += answer.status != 200

    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        pulls = [pull(session, host["base_url"]) for host in hosts for _ in range(host["in_flight"])]
        await asyncio.gather(*pulls)
    return failed


def with_requests(hosts: list[dict[str, Any]], images: deque[str], stream: bool) -> int:
    failed: list[int] = []

    def pull(base_url: str) -> None:
        session = requests.Session()
        session.trust_env = False
        while True:
            try:
                image = images.popleft()
            except IndexError:
                return
            answer = session.post(
                base_url + PATH, data=body_of(image, stream=stream), headers=HEADERS, timeout=SECONDS, stream=stream
            )
            failed.append(answer.status_code != 200)
            read_stream(answer) if stream else answer.json()

    threads = [threading.Thread(target=pull, args=(h["base_url"],)) for h in hosts for _ in range(h["in_flight"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(failed)


def read_stream(answer: requests.Response) -> str:
    """The text of a stream, chunk by chunk as it comes."""
    parts = []
    for line in answer.iter_lines():
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:])["choices"]
            parts.append(choices[0]["delta"].get("content") or "" if choices else "")
    return "".join(parts)


def main(specification: str) -> None:
    told = json.loads(Path(specification).read_text())
    images, hosts = deque(told["images"]), told["hosts"]
    began = time.monotonic()
    if told["how"] == "aiohttp":
        failed = asyncio.run(with_aiohttp(hosts, images, told["stream"]))
    else:
        one = [{**hosts[0], "in_flight": 1}]
        failed = with_requests(one if told["how"] == "sequential" else hosts, images, told["stream"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"wall_seconds": time.monotonic() - began, "cpu_seconds": used.ru_utime + used.ru_stime, "failed": failed}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
