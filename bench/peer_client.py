"""The peer: LiteLLM's Router over the same hosts, in an environment of its own (bench/peer-requirements.txt).

    PEER_PYTHON bench/peer_client.py SPECIFICATION.json

The specification: {"hosts": [{"base_url", "slots"}], "bodies": [path of a request's JSON]}. Prints {"wall_seconds",
"cpu_seconds", "failed"}. Set up as it did best: shuffled by weight, as many requests at a time as there are slots.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

SECONDS = 120


def make_router(hosts: list[dict[str, Any]]) -> Any:
    from litellm import Router

    deployments = [
        {
            "model_name": "ocr",
            "litellm_params": {
                "model": "openai/deepseek-ai/DeepSeek-OCR",
                "api_base": host["base_url"] + "/v1",
                "api_key": "none",
                "rpm": 1000 * host["slots"],
                "timeout": SECONDS,
            },
        }
        for host in hosts
    ]
    return Router(model_list=deployments, routing_strategy="simple-shuffle", num_retries=2)


async def run(router: Any, bodies: deque[str], in_flight: int) -> int:
    from openai import OpenAIError  # what it raises, whatever was wrong

    failed = 0

    async def pull() -> None:
        nonlocal failed
        while bodies:
            body = json.loads(Path(bodies.popleft()).read_text())
            try:
                await router.acompletion(model="ocr", messages=body["messages"], max_tokens=body["max_tokens"])
            except OpenAIError as problem:
                print(problem, file=sys.stderr)
                failed += 1

    await asyncio.gather(*(pull() for _ in range(in_flight)))
    return failed


def main(specification: str) -> None:
    told = json.loads(Path(specification).read_text())
    router = make_router(told["hosts"])
    used_before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    failed = asyncio.run(run(router, deque(told["bodies"]), sum(host["slots"] for host in told["hosts"])))
    wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - used_before.ru_utime - used_before.ru_stime
    print(json.dumps({"wall_seconds": wall, "cpu_seconds": cpu, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1])
