"""The operator and the pods listen on every address of the machine, IPv4 and IPv6, on one port."""

import socket

import pytest

from steelyard.control import listening as operators
from steelyard_runtime import listening as pods


def loopbacks():
    """Those that this machine has: there are machines without IPv6, and without IPv4."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as one:
                one.bind((address, 0))
        except OSError:
            continue
        yield address


@pytest.mark.parametrize("ours", [operators, pods], ids=["operator", "pods"])
def test_every_loopback_of_the_machine_reaches_it_on_one_port(ours):
    found = list(loopbacks())
    assert found
    with ours.listening(ours.EVERYWHERE, 0) as server:
        for address in found:
            with socket.create_connection((address, server.getsockname()[1]), timeout=10):
                server.accept()[0].close()


@pytest.mark.parametrize("ours", [operators, pods], ids=["operator", "pods"])
def test_one_address_that_is_named_is_listened_on_alone(ours):
    for address in loopbacks():
        with ours.listening(address, 0) as server:
            assert server.getsockname()[0] == address


@pytest.mark.parametrize("ours", [operators, pods], ids=["operator", "pods"])
def test_a_port_that_is_taken_is_an_error(ours):
    with ours.listening(ours.EVERYWHERE, 0) as first, pytest.raises(OSError, match="in use"):
        ours.listening(ours.EVERYWHERE, first.getsockname()[1])


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch):
    monkeypatch.setattr(pods, "EVERYWHERE", "0.0.0.0")
    with pods.listening(pods.EVERYWHERE, 0) as server:
        assert server.family == socket.AF_INET
