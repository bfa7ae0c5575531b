"""Side by side with the best-known router for such hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.bare import body_of
from bench.hosts import ROOT
from bench.scene import Scene

SECONDS = 900
# Where its environment is made, once; it has nothing to do with the site's own.
ENVIRONMENT = Path(os.environ.get("OCRSITE_BENCH_PEER", Path.home() / ".cache" / "ocrsite-bench" / "litellm-1.106.2"))


def router(scene: Scene, images: Sequence[str]) -> dict[str, float]:
    """LiteLLM's Router over the hosts of `scene`: {"wall_seconds", "cpu_seconds", "failed"} of these images."""
    bodies = []
    for number, image in enumerate(images):
        path = scene.folder / f"body{number}.json"
        path.write_bytes(body_of(image, stream=False))
        bodies.append(str(path))
    hosts = [{"base_url": host.base_url, "slots": host.slots} for host in scene.hosts.values()]
    specification = scene.folder / "peer.json"
    specification.write_text(json.dumps({"hosts": hosts, "bodies": bodies}))
    command = [str(_python()), str(ROOT / "bench" / "peer_client.py"), str(specification)]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks a public address at its start
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, env=environment)
    for host in scene.hosts.values():
        host.forget()
    return json.loads(done.stdout.splitlines()[-1])


def _python() -> Path:
    """Of the peer's environment, which is made where it is missing."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True, timeout=SECONDS)
        requirements = str(ROOT / "bench" / "peer-requirements.txt")
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
        subprocess.run(install, check=True, timeout=SECONDS, capture_output=True)
    return python
