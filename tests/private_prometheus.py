"""A Prometheus of a test's own: on loopback, with its own data folder, with the rules that ship."""

from __future__ import annotations

import math
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import requests

from tests.services_fixtures import need

SHIPPED = Path(__file__).resolve().parent.parent / "deploy" / "prometheus"
END_SECONDS = 30.0


class PrivatePrometheus:
    """Scrapes one site every two seconds, with the shipped configuration otherwise. Use it with `with`."""

    def __init__(self, folder: Path, site: str, token: str) -> None:
        self._folder = folder
        for file in SHIPPED.glob("*.yml"):
            shutil.copy(file, folder)
        (folder / "metrics_token").write_text(token)
        example = (SHIPPED / "prometheus.yml").read_text()
        changed = re.sub(r"(scrape|evaluation)_interval: 15s", r"\1_interval: 2s", example)
        changed = changed.replace("127.0.0.1:8000", site.removeprefix("http://"))
        changed = changed[: changed.index("alerting:")]
        (folder / "prometheus.yml").write_text(changed)
        self.address = ""

    def __enter__(self) -> Self:
        need("prometheus")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(END_SECONDS)

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its HTTP API; None while it does not answer."""
        try:
            answer = requests.get(f"{self.address}/api/v1/{path}", params=parameters, timeout=10)
        except requests.RequestException:
            return None
        return answer.json()["data"] if answer.ok else None

    def vector(self, query: str) -> dict[tuple[str, ...], float]:
        """What an expression gives now, by the values of its labels, in the order of the labels' names."""
        found = self.ask("query", query=query) or {"result": []}
        return {
            tuple(value for name, value in sorted(one["metric"].items()) if name != "__name__"): float(one["value"][1])
            for one in found["result"]
        }

    def value(self, query: str) -> float | None:
        """The value of an expression that gives one; None where it gives none."""
        found = self.vector(query)
        return next(iter(found.values())) if len(found) == 1 else None

    def tells(self, expected: Mapping[str, float]) -> bool:
        """Whether each expression has its value. To be awaited: a scrape that a busy machine did not end in time leaves
        none for a moment."""
        found = {query: self.value(query) for query in expected}
        return all(told is not None and math.isclose(told, expected[query]) for query, told in found.items())

    def log(self) -> str:
        return (self._folder / "prometheus.log").read_text(errors="replace")
