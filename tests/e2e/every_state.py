"""A site with something in every state, so that each screen shows all it can show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.domain import presets
from jobs.domain.alerts import Fact
from jobs.models import Attempt, Backend, BackendHealth, Delivery, Document, HealthSample, Page
from jobs.services import access, alerts, backends, rolling_up, tagging, trash, webhooks
from tests import builders

BLOCKS = [
    {"label": "title", "boxes": [[140, 190, 1000, 260]], "body": "# Cash on hand"},
    {"label": "text", "boxes": [[140, 290, 1500, 440]], "body": "Held at the **end**: \\(4.2 \\times 10^7\\) marks."},
    {"label": "image", "boxes": [[140, 460, 700, 700]], "body": ""},
    {"label": "image_caption", "boxes": [[140, 710, 700, 750]], "body": "<center>Figure 1: by quarter</center>"},
    {
        "label": "table",
        "boxes": [[140, 800, 1500, 1400]],
        "body": "<table><tr><td>Item</td><td colspan=2>Marks</td></tr><tr><td>a</td><td>1</td><td>2</td></tr></table>",
    },
]  # fmt: skip
TEXT = "\n\n".join(str(block["body"]) for block in BLOCKS)
HEALTH = {
    "calypso": {"state": "up", "breaker": "closed", "seconds_per_page": 1.9, "version": "0.20.2"},
    "spark": {"state": "down", "breaker": "open", "reason": "It refuses connections."},
    "gpu3": {"state": "slow_start", "breaker": "half_open", "reason": "It is coming back."},
    "gpu4": {"state": "hung", "breaker": "open", "reason": "It answers, but its pages do not move."},
    "gpu5": {"state": "misconfigured", "breaker": "open", "reason": "It refuses our key."},
}
SELF_TEST = {
    "at": "2026-01-05T09:30:00+00:00",
    "passed": False,
    "forced": False,
    "steps": [
        {"name": "reachable", "tried": True, "passed": True, "message": "It answers."},
        {"name": "key", "tried": True, "passed": False, "message": "It refuses our key."},
        {"name": "model", "tried": False, "passed": False, "message": "Not tried."},
    ],
}
GPU = {
    "memory_used_bytes": 20 * 1024**3,
    "memory_total_bytes": 24 * 1024**3,
    "utilization": 0.934,
    "power_watts": 412.6,
    "temperature_celsius": 67.0,
}


class EveryState:
    """`mira` is staff, `ada` an administrator; all documents are Mira's."""

    def __init__(self) -> None:
        backends.ensure_defaults()
        self.mira = builders.make_user("mira", first_name="Mira", last_name="Sund")
        self.ada = builders.make_user("ada", admin=True)
        self._hosts()
        self.wall = self._wall()
        self.read = self._read()
        self._others()
        self.gone = self._gone()
        self.hook = self._hooks()
        self._measured()
        self._alerts()
        access.create_token(self.mira, name="scanner in the hall", days=30, scope="write")

    def _hosts(self) -> None:
        for name in ("gpu3", "gpu4", "gpu5", "gpu6", "gpu7"):
            builders.make_backend(name)
        Backend.objects.filter(name__in=HEALTH).update(lifecycle="active", base_url="http://127.0.0.1:9001")
        Backend.objects.filter(name="gpu6").update(lifecycle="draining")
        Backend.objects.filter(name="gpu7").update(lifecycle="disabled")
        soon = timezone.now() + timedelta(hours=1)
        for name, told in HEALTH.items():
            retry = soon if told["breaker"] == "open" else None
            fields = {"since": timezone.now(), "retry_at": retry, **told}
            BackendHealth.objects.update_or_create(backend=Backend.objects.get(name=name), defaults=fields)
        BackendHealth.objects.filter(backend__name="gpu5").update(
            warnings=["It was started without the n-gram processor."], self_test=SELF_TEST
        )

    def _wall(self) -> Document:
        """Under way, a page in each state."""
        made = builders.make_document(
            self.mira, pages=16, done=4, failed=1, quarantined=1, cancelled=1, running=2, assigned=2, rendered=2,
            review=2, name="Tide tables, with a name that is rather long for a list.pdf", priority="high",
            warnings=["This is a dynamic form: only its placeholder can be seen."],
        )  # fmt: skip
        made.pages.filter(needs_review=True).update(reason="The text may be cut off.")
        for page in made.pages.filter(status="running"):
            builders.make_lease(page, Backend.objects.get(name="calypso"))
        tagging.add(made.pk, "harbour", by=self.mira)
        return made

    def _read(self) -> Document:
        """Read, with blocks and a picture, an edit, an approval and a proposed reading that waits."""
        made = builders.make_document(self.mira, pages=5, done=4, failed=1, review=3, name="Lease of the pier.pdf")
        made.pages.filter(needs_review=True).update(reason="It repeats itself: please check.")
        for page in made.pages.filter(status="done"):
            builders.make_page_image(page, width_px=1654, height_px=2339)
            builders.make_reading(page, text=TEXT, raw="<|ref|>title<|/ref|>", blocks=BLOCKS)
        builders.make_page_image(made.pages.get(number=5))
        second = made.pages.get(number=2)
        told = builders.make_attempt(second)
        proposed = builders.make_reading(
            second, text=TEXT.replace("Cash", "Gold"), in_force=False, source="rerun", attempt=told
        )
        Page.objects.filter(pk=second.pk).update(proposed=proposed)
        builders.make_reading(made.pages.get(number=3), text="By hand.", source="edit", author=self.mira)
        made.pages.filter(number=4).update(approved_by=self.ada, approved_at=timezone.now())
        return builders.settle(made)

    def _others(self) -> None:
        make: Any = builders.make_document
        make(self.mira, pages=3, status="paused", done=1, name="Paused.pdf")
        make(self.mira, pages=3, done=1, cancelled=2, name="Cancelled.pdf")
        make(self.mira, pages=2, failed=2, name="Failed.pdf", error="No page could be read.")
        make(self.mira, pages=2, prepared=False, name="Queued.pdf", purpose="development")
        make(self.mira, pages=60, done=60, name="Minutes.pdf")

    def _gone(self) -> Document:
        """Its file and its images were let go; two others lie in the trash."""
        made = builders.make_document(self.mira, pages=3, done=3, review=1, name="Harbour dues of last year.pdf")
        long_ago = timezone.now() - timedelta(days=40)
        Document.objects.filter(pk=made.pk).update(original_deleted_at=long_ago, images_deleted_at=long_ago)
        for name in ("Tide tables of another coast, sent by mistake and deleted.pdf", "Blank.pdf"):
            trash.put(builders.make_document(self.mira, pages=2, done=2, name=name).pk, by=self.mira)
        return made

    def _hooks(self) -> Any:
        """Ada's: one with a message in each state, one that was switched off; Mira's."""
        url = "https://hooks.example.org/a/rather/long/address/for/what/was/read/in/the/harbour/office"
        wanted = ["document.done", "document.failed"]
        hook, _ = webhooks.register(self.ada, url=url, events=wanted, description="Into the archive")
        now = timezone.now()
        states: list[dict[str, Any]] = [
            {"state": "delivered", "tries": 2, "status": 200, "delivered_at": now},
            {"state": "failed", "tries": 8, "status": 500, "error": "It answered 500."},
            {
                "state": "pending",
                "tries": 3,
                "error": "It refuses connections.",
                "next_try_at": now + timedelta(hours=1),
            },
            {"state": "pending", "next_try_at": now},
        ]
        for fields in states:
            Delivery.objects.create(webhook=hook, type="document.done", body="{}", **fields)
        off, _ = webhooks.register(self.ada, url="https://hooks.example.org/off", events=wanted)
        type(off).objects.filter(pk=off.pk).update(enabled=False, disabled_reason="Nothing arrived for three days.")
        type(off).objects.filter(pk=hook.pk).update(failing_since=now)
        webhooks.register(self.mira, url="https://hooks.example.org/mira", events=wanted)
        return hook

    def _measured(self) -> None:
        """Calypso's work of the last twenty hours, its GPU's figures, and what two hosts cost."""
        for shipped in presets.BACKENDS:
            groups = {group: shipped[group] for group in ("hardware", "launch", "expected", "costs", "notes")}
            Backend.objects.filter(name=shipped["name"]).update(**groups)
        calypso, now = Backend.objects.get(name="calypso"), timezone.now()
        Backend.objects.filter(pk=calypso.pk).update(gpu_exporter_url="http://127.0.0.1:9400")
        BackendHealth.objects.filter(pk=calypso.pk).update(gpu={**GPU, "problem": "", "at": now.isoformat()})
        page = Document.objects.get(name="Minutes.pdf").pages.get(number=1)
        told: dict[str, Any] = {"backend": "calypso", "dpi": 200, "prompt_tokens": 912, "completion_tokens": 1900}
        Attempt.objects.bulk_create(
            Attempt(page=page, outcome="ok" if n % 9 else "out_of_memory", seconds=1.8 + n % 5 / 10,
                    started_at=now - timedelta(minutes=10 * n + 1), **told)
            for n in range(120)
        )  # fmt: skip
        drawn = {f"gpu_{name}": value for name, value in GPU.items()}
        samples = [HealthSample(backend=calypso, state="up", in_flight=3, queued=2, **drawn) for _ in range(60)]
        for n, sample in enumerate(HealthSample.objects.bulk_create(samples)):
            sample.at = now - timedelta(minutes=20 * (60 - n))
            sample.gpu_energy_joules = 9e9 + n * 20 * 60 * 390.0
        HealthSample.objects.bulk_update(samples, ["at", "gpu_energy_joules"])
        rolling_up.roll_up()

    def _alerts(self) -> None:
        """One critical, one a warning, one that somebody knows of, one that is over; a rule of calypso's own."""
        alerts.change_rule("queue_depth", "spark", by=None, threshold=40, for_seconds=0)
        wrong = [
            Fact("misconfigured", "gpu5", 1.0, "It serves another model."),
            Fact("api_key", "gpu4", 1.0),
            Fact("out_of_memory", "calypso", 3.0),
            Fact("queue_depth", "spark", 212.0),
        ]
        now = timezone.now()
        alerts.judge([*wrong, Fact("certificate", "gpu3", 2.0)], now - timedelta(hours=2))
        alerts.judge([*wrong, Fact("certificate", "gpu3", 89.0)], now)
        known = next(alert for alert in alerts.firing() if alert.kind == "api_key")
        alerts.acknowledge(known.pk, by=self.ada, note="A new key is on its way.")
