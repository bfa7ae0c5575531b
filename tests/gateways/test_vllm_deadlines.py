from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import multiprocessing
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jobs.domain.failures import Blame, Outcome
from jobs.errors import BackendFailed
from jobs.gateways import vllm
from jobs.gateways.vllm import Deadlines, Endpoint
from tests.gateways.vllm_calls import PATIENT, body, endpoint, failure_of, page, silent_tls_host
from tests.patience import until
from tests.vllm_simulator import MODEL, Simulator


@pytest.fixture
def host():
    with Simulator.start() as simulator:
        yield simulator


@pytest.mark.parametrize("stream", [False, True])
def test_a_silent_host_times_out(host, stream):
    host.set_fault("hang")
    failure = failure_of(host, body(stream=stream), Deadlines(5.0, 0.3, 20.0))
    assert (failure.outcome, failure.blame, failure.elsewhere) == (Outcome.TIMEOUT, Blame.HOST, True)


def test_the_deadline_holds_against_dribbled_headers_too():
    head = b"HTTP/1.1 200 OK\r\nX-Slow: "
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(head)
                while True:
                    connection.sendall(b"x")
                    threading.Event().wait(0.05)

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        with pytest.raises(BackendFailed) as caught:
            address = Endpoint(f"http://127.0.0.1:{server.getsockname()[1]}", MODEL)
            vllm.complete(address, body(), Deadlines(5.0, 20.0, 0.5))
        thread.join(10)
    assert caught.value.failure.outcome is Outcome.TIMEOUT


def test_the_deadline_holds_against_a_stream_that_never_ends(host):
    host.configure(service_seconds=600.0)
    assert failure_of(host, body(stream=True), Deadlines(5.0, 60.0, 0.5)).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_can_be_stopped_from_another_thread_and_the_host_frees_the_slot(host, stream):
    host.configure(service_seconds=600.0)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(failure_of, host, body(stream=stream), Deadlines(5.0, 600.0, 600.0), stop=stop)
        until(lambda: host.state()["running"] == 1)
        stop.set()
        assert call.result(20).outcome is Outcome.CANCELLED
    until(lambda: host.state()["running"] == 0)
    assert [made.outcome for made in host.calls] == ["abort"]


def test_a_call_that_is_stopped_already_is_never_sent(host):
    stop = threading.Event()
    stop.set()
    failure = failure_of(host, stop=stop)
    assert (failure.outcome, failure.blame, failure.elsewhere) == (Outcome.CANCELLED, Blame.NOBODY, False)
    assert host.calls == []


def test_stopping_one_call_leaves_the_others_alone(host):
    host.configure(service_seconds=0.8)
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(vllm.complete, endpoint(host), body(page(n)), PATIENT) for n in range(3)]
        stopped = pool.submit(failure_of, host, body(page(9)), stop=stop)
        until(lambda: host.state()["running"] == 4)
        stop.set()
        assert stopped.result(20).outcome is Outcome.CANCELLED
        assert [call.result(20).finish_reason for call in others] == ["stop"] * 3


def test_who_sees_a_stream_may_end_it(host):
    host.set_fault("looping")
    stop, seen = threading.Event(), []

    def look(piece):
        seen.append(piece)
        if len(seen) == 20:
            stop.set()

    host.configure(service_seconds=30.0)
    assert failure_of(host, body(stream=True), stop=stop, on_text=look).outcome is Outcome.CANCELLED


def test_a_probe_of_a_hung_host_ends(host):
    host.set_fault("hang", path="/health")
    with pytest.raises(BackendFailed) as caught:
        vllm.probe_health(endpoint(host), 0.3)
    assert caught.value.failure.outcome is Outcome.TIMEOUT


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody vouches for: (file of the certificate, file of its key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "host")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "host.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "host.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "host.crt", folder / "host.key"


def test_a_certificate_nobody_vouches_for_is_a_matter_of_setup(certificate):
    with silent_tls_host(certificate) as (address, _), pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(), PATIENT)
    assert (caught.value.failure.outcome, caught.value.failure.blame) == (Outcome.MISCONFIGURED, Blame.SETUP)


def vouched_for(address, certificate):
    """The same endpoint, its certificate checked against this file."""
    return replace(address, verify=str(certificate[0]))


def test_an_authority_of_ones_own_vouches_for_its_hosts_and_for_no_other_call(certificate):
    with silent_tls_host(certificate) as (address, received), pytest.raises(BackendFailed):
        vllm.complete(vouched_for(address, certificate), body(), Deadlines(5.0, 60.0, 0.5))
    assert received.is_set()
    with silent_tls_host(certificate) as (address, received), pytest.raises(BackendFailed):
        vllm.complete(address, body(), PATIENT)
    assert not received.is_set()


def test_the_deadline_holds_over_tls(certificate):
    with silent_tls_host(certificate) as (address, received), pytest.raises(BackendFailed) as caught:
        vllm.complete(vouched_for(address, certificate), body(), Deadlines(5.0, 60.0, 0.5))
    assert caught.value.failure.outcome is Outcome.TIMEOUT
    assert received.is_set()


def test_a_stop_reaches_a_call_over_tls(certificate):
    stop = threading.Event()
    with silent_tls_host(certificate) as (address, received), pytest.raises(BackendFailed) as caught:
        threading.Thread(target=lambda: received.wait(20) and stop.set(), daemon=True).start()
        vllm.complete(vouched_for(address, certificate), body(), Deadlines(5.0, 600.0, 600.0), stop=stop)
    assert caught.value.failure.outcome is Outcome.CANCELLED


def test_https_to_a_plain_port_is_a_matter_of_setup(host):
    secure = Endpoint(host.base_url.replace("http:", "https:"), MODEL)
    with pytest.raises(BackendFailed) as caught:
        vllm.complete(secure, body(), PATIENT)
    assert caught.value.failure.outcome is Outcome.MISCONFIGURED


def test_a_forked_worker_has_connections_and_deadlines_of_its_own(host):
    vllm.complete(endpoint(host), body(), PATIENT)
    host.set_fault("dribble", when=lambda call: call.image_sha256 == hashlib.sha256(page(1)).hexdigest())
    fork = multiprocessing.get_context("fork")
    told = fork.SimpleQueue()

    def work():
        reply = vllm.complete(endpoint(host), body(), PATIENT)
        told.put((reply.finish_reason, failure_of(host, body(page(1)), Deadlines(5.0, 20.0, 0.5)).outcome.value))

    child = fork.Process(target=work)
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert told.get() == ("stop", "timeout")
    assert host.state()["connections"] == 2  # ours and the child's
