"""Foreign errors, sorted: libraries wrap one another."""

from __future__ import annotations

import http.client

import pytest
import requests
import urllib3

from jobs.domain.failures import TransportFault
from jobs.gateways import transport_faults


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (requests.ConnectTimeout(), TransportFault.CONNECT_TIMEOUT),
        (requests.ReadTimeout(), TransportFault.READ_TIMEOUT),
        (requests.ConnectionError(urllib3.exceptions.ProtocolError("x", TimeoutError())), TransportFault.READ_TIMEOUT),
        (urllib3.exceptions.ProtocolError("x", ConnectionResetError()), TransportFault.RESET),
        (urllib3.exceptions.ProtocolError("x", http.client.IncompleteRead(b"")), TransportFault.CUT),
        (http.client.BadStatusLine("x"), TransportFault.GARBAGE),
        (requests.exceptions.SSLError("certificate"), TransportFault.TLS),
        (requests.exceptions.InvalidHeader("x"), TransportFault.ADDRESS),
        (requests.RequestException("anything else"), TransportFault.RESET),
    ],
)
def test_wrapped_library_errors_are_recognised(error, fault):
    assert transport_faults.kind_of(error) is fault
