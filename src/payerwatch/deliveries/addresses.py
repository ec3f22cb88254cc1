"""Which addresses messages may be sent to: those that anybody can reach, in the one spelling that all programs read
alike.

It is asked twice: when an address is saved (`refuse_unusable`), and for what its name leads to at each sending
(`checked_addresses`). What is dialled then is the address that was checked, never the name again.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

from payerwatch.refusals import Refusal

IPAddress = IPv4Address | IPv6Address
Resolver = Callable[..., list[tuple[Any, ...]]]  # as socket.getaddrinfo

LONGEST_URL = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}
FIRST_HIGH_PORT = 8000
# Of the high ones, where something other than a web server listens that a stranger's bytes could reach.
SERVICE_PORTS = {
    8009: "AJP",
    8125: "StatsD",
    9042: "Cassandra",
    9092: "Kafka",
    9100: "printers",
    9200: "Elasticsearch",
    9300: "Elasticsearch",
    9418: "git",
    10080: "Amanda",
    10250: "kubelet",
    10255: "kubelet",
    11211: "memcached",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    50000: "Db2",
}
# Endings of names that mean something within a network only.
INNER_NAMES = (
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion",
)  # fmt: skip

# What is not a stranger's server though some of it looks public, `is_global` included.
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # behind a carrier's translation; metadata of Alibaba
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's platform, seen from its machines
            "169.254.0.0/16",  # link-local; metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments; metadata of Oracle
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast relays
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: holds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)
# Of IPv6 nothing else is public: not ::1, ::ffff:0:0/96 (IPv4 within), 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64),
# fc00::/7, fe80::/10, fec0::/10, ff00::/8.
_PUBLIC_IPV6 = ip_network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)  # third quarter of an address that ends in an IPv4 address (RFC 5214)
_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)
_METADATA = ip_network("fd00:ec2::/32")  # Amazon's, within fc00::/7


class EndpointUrlUnreadable(Refusal):
    """The address of an endpoint is not a web address in plain characters: it has no host, or blanks, signs or letters
    that programs read differently.
    """

    def __init__(self) -> None:
        super().__init__(
            "This is not an address that messages can be sent to.",
            where="url",
            fix="Write https://, the host and the path in ASCII, others as %XX, at most "
            f"{LONGEST_URL} characters; international names as xn--….",
        )


class EndpointNotHttps(Refusal):
    """The address of an endpoint does not begin with https://, so messages would cross networks in the clear."""

    def __init__(self) -> None:
        super().__init__("Messages are sent over HTTPS only.", where="url", fix="Write an address with https://.")


class EndpointHasCredentials(Refusal):
    """The address of an endpoint holds a user or a password before an @, which logs along the way would keep."""

    def __init__(self) -> None:
        super().__init__(
            "There is a user or a password in the address.",
            where="url",
            fix="Leave out what stands before the @. Receivers know us by the signature.",
        )


class EndpointHasFragment(Refusal):
    """The address of an endpoint holds a #, and what follows it is never sent."""

    def __init__(self) -> None:
        super().__init__("There is a # in the address.", where="url", fix="Leave out the # and what follows it.")


class EndpointPortRefused(Refusal):
    """The port of an endpoint's address is none, or one where other than web servers listen."""

    def __init__(self) -> None:
        super().__init__(
            "Messages are not sent to this port.",
            where="url",
            fix=f"Use 443, or one from {FIRST_HIGH_PORT} to 65535 that is not known for another service.",
        )


class EndpointHostUnusual(Refusal):
    """The host of an endpoint's address is spelt in a way that some programs read as another host."""

    def __init__(self) -> None:
        super().__init__(
            "The host is spelt in an unusual way.",
            where="url",
            fix="Write a name such as hooks.example.org without a dot at its end, or an IP address in full.",
        )


class EndpointNotPublic(Refusal):
    """An endpoint's address leads to a machine or network that is not on the public internet, or to nowhere."""

    def __init__(self) -> None:
        super().__init__(
            "The address does not lead to the public internet.",
            where="url",
            fix="Use a host whose every address can be reached by anybody.",
        )


@dataclass(frozen=True)
class Target:
    """An address in its parts; `host` is in lower case and without brackets, `path` as it is asked for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as the header `Host` says it, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


_PLAIN = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+", re.ASCII)
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]+))?([^?#]*)(\?[^#]*)?(#.*)?", re.ASCII)
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_IPV6 = re.compile(r"[0-9a-f:]+", re.ASCII)
LONGEST_NAME = 253


def refuse_unusable(url: str) -> Target:
    """The address in its parts, if messages may be sent to what is written. No name is looked up.

    Raises EndpointUrlUnreadable, EndpointNotHttps, EndpointHasCredentials, EndpointHasFragment, EndpointPortRefused,
    EndpointHostUnusual or EndpointNotPublic.
    """
    parts = _PARTS.fullmatch(url) if len(url) <= LONGEST_URL and _PLAIN.fullmatch(url) else None
    if parts is None:
        raise EndpointUrlUnreadable
    scheme, authority, path, query, fragment = (part or "" for part in parts.groups())
    scheme = scheme.lower()
    if scheme != "https" and not (scheme == "http" and settings.ALLOW_PRIVATE_ENDPOINTS):
        raise EndpointNotHttps
    if not authority:
        raise EndpointUrlUnreadable
    if "@" in authority:
        raise EndpointHasCredentials
    if fragment:
        raise EndpointHasFragment
    host, port = _host_and_port(authority, DEFAULT_PORTS[scheme])
    return Target(scheme, host, port, (path or "/") + query)


def checked_addresses(host: str, port: int, *, resolve: Resolver = socket.getaddrinfo) -> list[IPAddress]:
    """What a host's name leads to now, looked up once, in the order in which to try.

    Raises EndpointNotPublic if a single one of them may not be dialled, and socket.gaierror if there is none.
    """
    found = resolve(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(ip_address(where[0]) for *_, where in found))
    if not addresses or not all(map(may_be_dialled, addresses)):
        raise EndpointNotPublic
    return addresses


def may_be_dialled(address: IPAddress) -> bool:
    """Whether it is public, or private where the settings allow that."""
    return is_public(address) or (settings.ALLOW_PRIVATE_ENDPOINTS and _is_private(address))


def is_public(address: IPAddress) -> bool:
    """Whether it is a machine's own on the public internet, and no other address is hidden within."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id or _is_isatap(address)):
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFFFFFF in _ISATAP


def _is_private(address: IPAddress) -> bool:
    return any(address in network for network in _PRIVATE) and address not in _METADATA


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    parts = _HOST_AND_PORT.fullmatch(authority)
    if parts is None:
        raise EndpointHostUnusual
    host, port = parts[1].lower(), parts[2]
    literal = _literal(host)
    if literal is None:
        _refuse_name(host)
    elif not may_be_dialled(literal):
        raise EndpointNotPublic
    return str(literal or host), default if port is None else _port(port)


def _port(text: str) -> int:
    number = int(text) if _PORT.fullmatch(text) else 0
    if number in DEFAULT_PORTS.values():
        return number
    if not FIRST_HIGH_PORT <= number <= 65535 or number in SERVICE_PORTS:
        raise EndpointPortRefused
    return number


def _literal(host: str) -> IPAddress | None:
    """The IP address that is written, None for a name. Raises EndpointHostUnusual unless it is written in full."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1] if _IPV6.fullmatch(host[1:-1]) else "")
        # No name ends in a label that begins with a digit, but 127.1, 0x7f000001 and 2130706433 do.
        return IPv4Address(host) if host.rpartition(".")[2][:1].isdigit() else None
    except ValueError:
        raise EndpointHostUnusual from None


def _refuse_name(name: str) -> None:
    labels = name.split(".")
    if len(name) > LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise EndpointHostUnusual
    if (len(labels) == 1 or labels[-1] in INNER_NAMES) and not settings.ALLOW_PRIVATE_ENDPOINTS:
        raise EndpointNotPublic
