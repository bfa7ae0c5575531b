"""Addresses that people enter: what is refused before a packet leaves, and what a receiver can do to us."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest

from jobs import errors
from jobs.gateways import outgoing
from tests import certificates
from tests.webhook_receiver import receiver

BAD_FORMS = [
    "",
    "hooks.example.org",
    "ftp://hooks.example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "https://",
    "https:///path",
    "https://user@hooks.example.org/",
    "https://user:secret@hooks.example.org/",
    "https://@hooks.example.org/",
    "https://hooks.example.org\\@127.0.0.1/",
    "https://hooks.example.org/#part",
    "https://hooks.example.org/a b",
    "https://hooks.example.org/\r\nX: y",
    "https://hooks.example.org:0/",
    "https://hooks.example.org:99999/",
    "https://hooks.example.org/" + "x" * 500,
]
NOT_PUBLIC = [
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://224.0.0.1/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
]


@pytest.fixture
def loopback_is_allowed(settings):
    settings.WEBHOOK_ALLOWED_CIDRS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


def post(url, seconds=60.0):
    return outgoing.post(url, '{"type": "test"}', {"webhook-id": "msg_1"}, seconds=seconds)


@pytest.mark.parametrize("url", [*BAD_FORMS, *NOT_PUBLIC])
def test_what_may_not_be_contacted_is_refused_when_it_is_registered(url):
    with pytest.raises(errors.Invalid) as refused:
        outgoing.check_form(url)
    assert list(refused.value.fields) == ["url"]


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/ocr?key=1", "http://93.184.216.34/", "https://[2606:2800:220:1::]/"]
)
def test_public_addresses_may_be_registered(url):
    assert outgoing.check_form(url) == url


def test_other_ports_only_where_the_operator_allows(loopback_is_allowed):
    assert outgoing.check_form("http://127.0.0.1:9999/")
    with pytest.raises(errors.Invalid):
        outgoing.check_form("http://93.184.216.34:6379/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"])
def test_no_connection_is_made_to_what_is_refused(host):
    with receiver() as told:
        with pytest.raises(errors.Invalid):
            post(f"http://{host}:{told.port}/")
        assert told.got == []


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST"])
def test_a_name_is_refused_for_where_it_leads(name):
    with receiver() as told:
        with pytest.raises(errors.Invalid):
            post(f"http://{name}:{told.port}/")
        assert told.got == []


def answer(*addresses):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer("93.184.216.34", "127.0.0.1"))
    with pytest.raises(errors.Invalid):
        post("http://hooks.example.org/")


def test_what_was_checked_is_what_is_connected_to(monkeypatch, loopback_is_allowed):
    """A name that leads elsewhere at the second asking is asked once."""
    asked = []

    def rebinding(host, port, *rest, **kwargs):
        asked.append(host)
        return real(host, port, *rest, **kwargs) if host == "127.0.0.1" else answer("127.0.0.1")

    real = socket.getaddrinfo
    with receiver() as told:
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        assert post(f"http://hooks.example.org:{told.port}/") == 200
    assert asked.count("hooks.example.org") == 1
    assert set(asked) <= {"hooks.example.org", "127.0.0.1"}
    assert told.got[0][0]["host"] == f"hooks.example.org:{told.port}"


def test_a_name_with_two_addresses_is_reached_by_the_one_that_listens(monkeypatch, loopback_is_allowed):
    real = socket.getaddrinfo

    def two(host, port, *rest, **kwargs):
        return real(host, port, *rest, **kwargs) if host != "hooks.example.org" else answer("127.0.0.2", "127.0.0.1")

    with receiver() as told:
        monkeypatch.setattr(socket, "getaddrinfo", two)
        assert post(f"http://hooks.example.org:{told.port}/") == 200


@pytest.mark.parametrize("status", [200, 204, 302, 410, 500])
def test_the_status_is_told_and_no_redirect_is_followed(loopback_is_allowed, status):
    with receiver() as told, receiver() as elsewhere:
        told.status, told.location = status, elsewhere.url
        assert post(told.url) == status
        assert len(told.got) == 1 and elsewhere.got == []
        headers, body = told.got[0]
    assert (headers["content-type"], headers["webhook-id"], body) == ("application/json", "msg_1", {"type": "test"})


def test_one_that_hangs_is_left_after_its_time(loopback_is_allowed):
    with receiver() as told:
        told.gate.clear()
        with pytest.raises(errors.Unavailable, match="did not answer"):
            post(told.url, seconds=0.3)


@pytest.fixture
def raw_server(request):
    """Answers each connection with the bytes of the parameter, over and over while the other side listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                try:
                    while not stop.wait(0.01):
                        connection.sendall(request.param)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        stop.set()
        thread.join(60)


@pytest.mark.parametrize("raw_server", [b"H"], indirect=True)
def test_one_that_trickles_has_no_more_time(loopback_is_allowed, raw_server):
    with pytest.raises(errors.Unavailable, match="did not answer"):
        post(raw_server, seconds=0.5)


@pytest.mark.parametrize("raw_server", [b"SSH-2.0-OpenSSH\r\n", b"x" * 5000], indirect=True)
def test_what_is_not_http_is_said_to_be(loopback_is_allowed, raw_server):
    with pytest.raises(errors.Unavailable, match="not HTTP"):
        post(raw_server)


def test_nobody_listening_is_said(loopback_is_allowed):
    with pytest.raises(errors.Unavailable, match="refused"):
        post("http://127.0.0.1:1/")


def test_a_name_that_is_not_there_is_said():
    with pytest.raises(errors.Unavailable, match="cannot be resolved"):
        post("http://nobody.invalid/")


@pytest.fixture
def certificate(tmp_path):
    return certificates.self_signed(tmp_path)


def test_https_is_checked_against_the_name(certificate, loopback_is_allowed, monkeypatch):
    with receiver(certificates.server_context(certificate)) as told:
        with pytest.raises(errors.Unavailable, match="certificate is not accepted"):
            post(f"https://localhost:{told.port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert post(f"https://localhost:{told.port}/") == 200
        with pytest.raises(errors.Unavailable, match="certificate is not accepted"):
            post(f"https://127.0.0.1:{told.port}/")
        assert len(told.got) == 1
