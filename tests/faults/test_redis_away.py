"""Redis killed, paused, emptied or full: uploads are taken, pages under way are stored; nobody has to do anything."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from jobs.models import Attempt, Document, Page
from jobs.services import access
from tests import files
from tests.faults.unequal_hosts import STAMP, UnequalHosts, assert_done_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]

UPLOAD_SECONDS = 120  # longer than the web server waits for a Redis that does not answer


class Uploader:
    """A person with a token, in front of the real web server."""

    def __init__(self, site: UnequalHosts, folder: Path) -> None:
        self.address = site.running.start_web()
        self.file = files.numbered_pdf(folder / "upload.pdf", 3, size=STAMP)
        _, token = access.create_token(site.person, name="test", days=1, scope="write")
        self.headers = {"Authorization": f"Bearer {token}"}

    def upload(self) -> requests.Response:
        with self.file.open("rb") as file:
            return requests.post(
                f"{self.address}/api/v1/documents", files={"file": file}, headers=self.headers, timeout=UPLOAD_SECONDS
            )

    def shown(self, document: Any) -> dict[str, Any]:
        url = f"{self.address}/api/v1/documents/{document}"
        answer = requests.get(url, headers=self.headers, timeout=UPLOAD_SECONDS)
        return dict(answer.json())

    def readiness(self) -> tuple[int, str]:
        """The status of /readyz, and what it says about Redis."""
        answer = requests.get(f"{self.address}/readyz", timeout=UPLOAD_SECONDS)
        return answer.status_code, answer.json()["checks"]["redis"]["reason"]


@pytest.fixture
def uploader(site: UnequalHosts, tmp_path: Path) -> Uploader:
    return Uploader(site, tmp_path)


def test_redis_killed_without_a_file_of_its_own_loses_no_page(site):
    """Q05."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.configure(held=True)
    document = site.drawn(12)
    site.start()
    site.until_calypso_is_full()
    site.running.kill("redis")
    site.running.start_redis()
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 12)


def test_pages_under_way_are_stored_while_redis_is_away(site):
    """Q07."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.configure(held=True)
    document = site.drawn(12)
    site.start()
    under_way = site.until_calypso_is_full()
    site.running.kill("redis")
    site.calypso.configure(held=False)
    done = Page.objects.filter(document=document, status="done")
    site.until(lambda: done.count() >= under_way, "what ran is stored")
    site.running.start_redis()
    site.until_ended(document)
    assert_done_once(site, 12)
    assert set(Page.objects.values_list("claims", flat=True)) == {0}


def test_a_page_that_waits_for_its_next_try_gets_it_though_redis_forgot_everything(site):
    """Q15."""
    for host in site.hosts.values():
        host.set_fault("status", times=1, status=429, headers={"Retry-After": "2"})
    document = site.drawn(1)
    site.start()
    site.until(lambda: Page.objects.filter(not_before__isnull=False).exists(), "it waits for its next try")
    site.running.kill("redis")
    site.running.start_redis()
    site.until_ended(document)
    assert_done_once(site, 1)
    assert list(Attempt.objects.order_by("id").values_list("outcome", flat=True)) == ["busy", "busy", "ok"]


def test_an_upload_while_redis_is_away_is_taken_and_read_when_it_is_back(site, uploader):
    """Q06."""
    site.start()
    site.running.kill("redis")
    answer = uploader.upload()
    assert answer.status_code == 202, answer.text
    assert uploader.shown(answer.json()["id"])["status"] == "queued"
    code, reason = uploader.readiness()
    assert code == 503
    assert "documents are taken, and read once it is back" in reason
    site.running.start_redis()
    site.until_ended(Document.objects.get())
    assert_done_once(site, 3)
    assert uploader.readiness() == (200, "")


def test_a_full_redis_takes_no_upload_away_and_is_told_of(site, uploader):
    """Q08."""
    site.start()
    site.running.redis().config_set("maxmemory", 1)
    answer = uploader.upload()
    assert answer.status_code == 202, answer.text
    assert uploader.shown(answer.json()["id"])["status"] == "queued"
    code, reason = uploader.readiness()
    assert code == 503
    assert "full" in reason
    site.running.redis().config_set("maxmemory", 0)
    site.until_ended(Document.objects.get())
    assert_done_once(site, 3)


def test_a_web_server_killed_between_its_commit_and_its_message_loses_no_document(site, uploader):
    """Q09. Redis is paused, so the web server has committed and waits to be heard when it is killed."""
    site.running.signal("redis", signal.SIGSTOP)
    refused: list[bool] = []

    def upload() -> None:
        try:
            uploader.upload()
        except requests.RequestException:
            refused.append(True)

    thread = threading.Thread(target=upload)
    thread.start()
    site.until(Document.objects.exists, "the document is stored")
    site.running.kill("web")
    thread.join(UPLOAD_SECONDS)
    assert refused == [True]
    site.running.kill("redis")
    site.running.start_redis()
    site.start()
    site.until_ended(Document.objects.get())
    assert_done_once(site, 3)
