"""The clock sees that a long document is done, a worker mails it: real processes, Redis and SMTP server."""

from __future__ import annotations

import pytest

from jobs.models import Document
from tests import builders
from tests.running_site import RunningSite
from tests.services.mail_server import MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


def test_the_owner_gets_one_mail_from_the_server_that_the_environment_names():
    document = builders.make_document(builders.make_user("mira"), pages=60, done=60, name="lease.pdf")
    with MailServer() as server:
        address = f"smtp://127.0.0.1:{server.port}"
        with RunningSite(OCRSITE_EMAIL_URL=address, OCRSITE_EMAIL_FROM="ocr@example.org") as site:
            site.start()
            site.until(lambda: server.mails, "the mail is there")
            site.until(lambda: Document.objects.get().notified_at, "it is noted")
    ((to, mail),) = server.mails
    assert (to, mail["From"], mail["Subject"]) == (["mira@example.org"], "ocr@example.org", "lease.pdf is done")
    assert "60 of 60 pages read" in mail.get_content()
    assert Document.objects.get().status == document.status == "done"
