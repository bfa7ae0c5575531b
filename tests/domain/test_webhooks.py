"""Signatures as the specification has them, and when to try again."""

from __future__ import annotations

import pytest

from jobs.domain import webhooks


def test_the_signature_is_that_of_the_specifications_example():
    secret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
    body = '{"event_type":"ping","data":{"success":true}}'
    signed = webhooks.signature(secret, "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert signed == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_a_secret_is_what_receivers_expect():
    assert webhooks.secret_text(bytes(range(24))) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


def test_pauses_grow_and_end():
    pauses = [webhooks.pause_seconds(tries) for tries in range(1, 11)]
    assert pauses[0] == 5 and pauses[-1] is None
    assert pauses[:-1] == sorted(pauses[:-1])


@pytest.mark.parametrize(
    ("status", "seconds", "hopeless"),
    [(410, 0, True), (500, 0, False), (None, 259_199, False), (None, 259_200, True), (500, 999_999, True)],
)
def test_what_has_failed_for_days_or_says_it_is_gone_is_hopeless(status, seconds, hopeless):
    assert webhooks.is_hopeless(status, seconds) is hopeless
