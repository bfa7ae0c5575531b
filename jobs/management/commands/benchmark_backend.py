"""`manage.py benchmark_backend NAME`: benchmarks a host and prints each step, then what it found."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from jobs import errors
from jobs.domain import host_profile
from jobs.models import Benchmark
from jobs.services import benchmark_run, benchmarking

ITEMS = {item.key: item for item in host_profile.EXPECTED}


class Command(BaseCommand):
    help = (
        "Benchmarks a backend: 10 pages, 50 pages, rising concurrency, resolutions. People's pages go first. "
        "Prints each step and what was found; changes no setting. Exit code 1 when it does not come to its end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--json", action="store_true", help="prints the result alone, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            begun = benchmarking.begin(options["name"], by=None)
        except errors.OcrsiteError as error:
            raise CommandError(error.message) from None
        benchmark_run.run(begun.pk, tell=self._say if not options["json"] else lambda line: None)
        row = Benchmark.objects.select_related("backend").get(pk=begun.pk)
        if options["json"]:
            self._say(json.dumps(benchmarking.snapshot(row), cls=DjangoJSONEncoder, indent=2))
        else:
            self._found(row)
        if row.state != "done":
            raise CommandError(f"The benchmark of {options['name']} did not come to its end. {row.reason}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _found(self, row: Benchmark) -> None:
        self._say("")
        for line in benchmarking.compared(row):
            item = ITEMS[line.name]
            told = "not measured" if line.measured is None else f"{line.measured:.4g} {item.unit}".strip()
            expected = host_profile.write_range(line.expected)
            self._say(f"{item.label}: {told}{f' (expected {expected})' if expected else ''}")
        verdict = benchmarking.verdict(row)
        if verdict.latency_doubles_at:
            self._say(f"A page takes twice as long from {verdict.latency_doubles_at} at once.")
        for proposal in verdict.proposals:
            change = f"{proposal.current:g}, proposed {proposal.proposed:g}"
            self._say(f"{proposal.title}: {change}. {proposal.reason}")
        if verdict.disturbed:
            self._say("People's pages ran meanwhile, so nothing is proposed. Run it again in a quiet hour.")
