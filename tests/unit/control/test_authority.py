"""Addresses of pods with their ports, as URLs have them."""

import pytest
from yarl import URL

from steelyard.control.authority import authority


@pytest.mark.parametrize("address", ["10.0.0.7", "fd00::7", "2600:1f14::7"])
def test_who_reads_it_finds_address_and_port_again(address):
    url = URL(f"http://{authority(address, 8081)}/progress")
    assert (url.host, url.port) == (address, 8081)
