"""The operator and the pods listen on every address of the machine, IPv4 and IPv6, on one port."""

import runpy
import socket

import pytest

from loopbacks import loopbacks
from steelyard.control import listening as operators
from steelyard_runtime import listening as pods


@pytest.fixture(params=[operators, pods], ids=["operator", "pods"])
def ours(request):
    return request.param


def test_every_loopback_of_the_machine_reaches_it_on_one_port(ours):
    with ours.listening(ours.EVERYWHERE, 0) as server:
        for address in loopbacks():
            with socket.create_connection((address.strip("[]"), server.getsockname()[1]), timeout=10):
                server.accept()[0].close()


def test_one_address_that_is_named_is_listened_on_alone(ours):
    for address in loopbacks():
        with ours.listening(address.strip("[]"), 0) as server:
            assert server.getsockname()[0] == address.strip("[]")


def test_a_port_that_is_taken_is_an_error(ours):
    with ours.listening(ours.EVERYWHERE, 0) as first, pytest.raises(OSError, match="in use"):
        ours.listening(ours.EVERYWHERE, first.getsockname()[1])


def test_a_machine_without_ipv6_listens_on_ipv4(ours, monkeypatch):
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    there = runpy.run_path(ours.__file__)
    with there["listening"](there["EVERYWHERE"], 0) as server:
        assert (server.family, server.getsockname()[0]) == (socket.AF_INET, "0.0.0.0")
