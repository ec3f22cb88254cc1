"""Whose address a request came from, believing only the proxies that are trusted.

Each proxy appends the address it was called from to X-Forwarded-For, so the field is read from its right end:
the first address that is no trusted proxy is the client's. What stands further left the client may have invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from payerwatch.refusals import Refusal

UNIX_SOCKET = "unix"
UNKNOWN = "unknown"  # counted by where the address cannot be known
_CLIENTS_OWN = 64  # bits of an IPv6 address that say which network; a client may choose the others

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::[0-9]{1,5})?|(?P<v4>[0-9.]+):[0-9]{1,5}")

Address = IPv4Address | IPv6Address


class ProxiesUnreadable(Refusal):
    """A word in the list of trusted proxies is no network, no address and not `unix`."""


@dataclass(frozen=True)
class TrustedProxies:
    """The networks whose word about the client is taken; `unix_socket`: also that of a peer without an address."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix_socket: bool = False

    def include(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


@lru_cache(maxsize=16)
def read_proxies(text: str) -> TrustedProxies:
    """`10.0.0.0/8, 2001:db8::7, unix`: networks and addresses with commas between. Raises ProxiesUnreadable."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    networks = tuple(_network(word) for word in words if word != UNIX_SOCKET)
    return TrustedProxies(networks, unix_socket=UNIX_SOCKET in words)


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(word)
    except ValueError as error:
        raise ProxiesUnreadable(
            f"{word[:60]!r} is no network: {error}",
            fix="Write networks or addresses with commas between, such as 10.0.0.0/8, 192.0.2.7, 2001:db8::/32; "
            "unix for a proxy that calls through a unix socket.",
        ) from None


def client_address(meta: Mapping[str, str], trusted: TrustedProxies) -> str:
    """The client's address, from WSGI's REMOTE_ADDR and HTTP_X_FORWARDED_FOR; "" where it cannot be known.

    If a trusted proxy wrote something that is no address, the client is as unknown as if that proxy were it.
    """
    peer = _address(meta.get("REMOTE_ADDR", ""))
    if peer is None and not (trusted.unix_socket and not meta.get("REMOTE_ADDR")):
        return ""
    if peer is not None and not trusted.include(peer):
        return str(peer)
    known = peer
    for word in _from_the_right(meta.get("HTTP_X_FORWARDED_FOR", "")):
        address = _address(word)
        if address is None:
            break
        known = address
        if not trusted.include(address):
            break
    return "" if known is None else str(known)


def throttle_key(address: str) -> str:
    """What hits are counted by: an IPv4 address, an IPv6 network of 64 bits, or `unknown`."""
    return _network_of(address, {4: 32, 6: _CLIENTS_OWN}).removesuffix("/32")


def network_key(address: str) -> str:
    """The network that one party often has all of: 24 bits of IPv4, 48 of IPv6 (RFC 6177), or `unknown`."""
    return _network_of(address, {4: 24, 6: 48})


def _network_of(address: str, bits: Mapping[int, int]) -> str:
    """The network of the address that has so many bits by its version."""
    found = _address(address)
    return UNKNOWN if found is None else str(ip_network((int(found), bits[found.version]), strict=False))


def _from_the_right(field: str) -> Iterator[str]:
    return (word for word in map(str.strip, reversed(field.split(","))) if word)


def _address(word: str) -> Address | None:
    """The address in `192.0.2.7`, `192.0.2.7:8080`, `2001:db8::7` or `[2001:db8::7]:443`; None in anything else."""
    found = _WITH_PORT.fullmatch(word)
    try:
        address = ip_address((found["v6"] or found["v4"] or "") if found else word)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))
