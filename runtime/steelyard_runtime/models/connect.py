"""Connections that go to public addresses only, whatever a name resolves to when it is connected to.

A check before the connection would be none: a name may resolve to another address a moment later, and a redirect leads to another name. So the
address is looked at where the socket is made for it.
"""

import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses as an IPv6 host sees them (RFC 6052)."""
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All IPv6 addresses that were ever given to anybody (IANA). Local prefixes of translators (64:ff9b:1::/48), site-local and IPv4-compatible ones are
outside of it."""
DOCUMENTATION = ipaddress.ip_network("3fff::/20")
"""Inside it, and nobody's (RFC 9637); Python's table is older."""
OF_PLATFORMS = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Public by number only: Azure's own services of a virtual machine (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PublicOnly:
    """Makes sockets to public addresses, and to those of `private` hosts (`host` or `host:port`). `refused` is what was not connected to."""

    def __init__(self, private: tuple[str, ...]) -> None:
        self._private = frozenset(host.lower() for host in private)
        self._granted: set[tuple[Address, int]] = set()
        self.refused: str | None = None

    def connector(self) -> aiohttp.TCPConnector:
        """For one session."""
        return aiohttp.TCPConnector(resolver=_Noting(self), socket_factory=self._socket)

    def note(self, host: str, port: int, addresses: list[str]) -> None:
        """Remember what a host on the list resolved to: a socket knows addresses only."""
        if self._is_private(host, port):
            self._granted |= {(ipaddress.ip_address(address.partition("%")[0]), port) for address in addresses}

    def _is_private(self, host: str, port: int) -> bool:
        return bool(self._private & {host.lower(), f"{host.lower()}:{port}"})

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        where, port = str(address[0]).partition("%")[0], int(address[1])
        found = ipaddress.ip_address(where)
        if not (is_public(found) or (found, port) in self._granted or self._is_private(where, port)):
            self.refused = f"{where}:{port}"
            raise OSError(f"{self.refused} is not a public address")
        return socket.socket(family, kind, protocol)


class _Noting(AbstractResolver):
    """Resolves as ever, and tells what became of which name."""

    def __init__(self, guard: PublicOnly) -> None:
        self._guard = guard
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        self._guard.note(host, port, [each["host"] for each in found])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's, and no loopback, link-local, private or shared one, nor one of these in IPv6's clothes."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address not in GLOBAL_UNICAST or address in DOCUMENTATION:
            return False
    return address.is_global and not address.is_multicast and address not in OF_PLATFORMS
