"""`manage.py benchmark_backend`, with the sample that comes with the site."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.models import Benchmark
from tests import builders
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host():
    with Simulator.start(slots=1) as simulator:
        builders.make_policy()
        builders.make_backend(
            "calypso", base_url=simulator.base_url, slots=1, queue_ahead=1, expected={"seconds_10_pages": [25, 40]}
        )
        yield simulator


def test_each_step_is_told_and_what_was_found(host: Simulator, capsys: Any) -> None:
    call_command("benchmark_backend", "calypso")
    lines = capsys.readouterr().out.splitlines()
    names = [line.split(":")[0] for line in lines[:7]]
    told = ["10 pages", "50 pages", "1 at once", "2 at once"]
    assert names == [*told, *(f"{dpi} dpi, caps set aside" for dpi in (150, 200, 300))]
    assert lines[0].startswith("10 pages: 10 of 10 pages, ")
    assert any(line.startswith("A PDF of 10 pages: ") and line.endswith(" s (expected 25–40)") for line in lines)
    assert any(line.startswith("Slots: 1, proposed ") for line in lines)
    assert len({call.image_sha256 for call in host.calls}) == 3 * 3  # three pages, at three resolutions


def test_json_is_the_whole_output(host: Simulator, capsys: Any) -> None:
    call_command("benchmark_backend", "calypso", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["backend"], told["state"]) == ("calypso", "done")
    assert told["figures"]["highest_dpi"] == 300
    assert {step["at_once"] for step in told["steps"]} == {1, 2}


def test_a_host_that_fails_under_it_makes_the_command_fail(host: Simulator, capsys: Any) -> None:
    host.set_fault("engine_death", after_seconds=0.0)
    with pytest.raises(CommandError, match=r"did not come to its end\. .*This was at: 10 pages"):
        call_command("benchmark_backend", "calypso")
    assert Benchmark.objects.get().state == "failed"


def test_what_cannot_be_benchmarked_is_said(db: Any) -> None:
    with pytest.raises(CommandError, match="no backend"):
        call_command("benchmark_backend", "nobody")
    builders.make_backend("spark", lifecycle="planned")
    with pytest.raises(CommandError, match="spark is planned"):
        call_command("benchmark_backend", "spark")
