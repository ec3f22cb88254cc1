"""Nothing but the public internet is dialled, however an address is spelt and whatever its name leads to."""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest

from payerwatch.deliveries import addresses
from payerwatch.deliveries.addresses import (
    SERVICE_PORTS,
    EndpointHasCredentials,
    EndpointHasFragment,
    EndpointHostUnusual,
    EndpointNotHttps,
    EndpointNotPublic,
    EndpointPortRefused,
    EndpointUrlUnreadable,
    checked_addresses,
    is_public,
    refuse_unusable,
)
from payerwatch.deliveries.answers import ADDRESS_REFUSED, TLS_FAILED
from payerwatch.deliveries.sending import Limits, post
from payerwatch.refusals import Refusal
from tests.deliveries.dialling import ALSO_PUBLIC, PUBLIC, PUBLIC_6, Dialled, Names, numbers_or_here
from tests.deliveries.receivers import Receiver, answers, receiving

pytestmark = pytest.mark.pure

# Hosts as they are written in an address, each of which leads, or may lead, to what is not public.
INNER_HOSTS = (
    # this machine
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "017700000001", "0177.0.0.1", "0177.1", "127.0.0.01", "127.0.0.0x1", "00000177.0.0.1", "0", "0.0.0.0", "0x0",
    "0.0.0.1", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]",
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "a.localhost", "127.0.0.1.", "127.0.0.1..",
    "%31%32%37.0.0.1", "127.0.0.%31", "127%2e0%2e0%2e1", "localhost%00.example.org", "loc%61lhost",
    "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loca\u00adlhost",
    # networks within
    "10.0.0.1", "10.1", "167772161", "0xa000001", "012.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1",
    "192.168.257", "3232235777", "100.64.0.1", "100.100.100.200", "[fc00::1]", "[fd12:3456:789a::1]", "[fe80::1]",
    "[fec0::1]", "router.local", "db.internal", "metadata.google.internal", "intranet", "nas.lan", "a.home.arpa",
    "kubernetes.default.svc", "x.corp",
    # what clouds tell their machines
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "192.0.0.192", "168.63.129.16", "169.254.170.2",
    # addresses within addresses
    "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::808:808]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::80ff:fffe]", "[2001::1]", "[2606:4700::5efe:7f00:1]",
    "[2606:4700::200:5efe:10.0.0.1]",
    # nobody's, or many people's
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.254", "192.0.0.9", "192.88.99.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]",
    "[100::1]", "[2001:2::1]", "[5f00::1]", "[3ffe::1]", "[4000::1]",
    # names of anybody's that lead to this machine
    "127.0.0.1.nip.io", "localtest.me", "7f000001.rbndr.us", "hooks.example.org",
)  # fmt: skip
# Whole addresses, in which `:9000` stands for where something listens on this machine.
INNER_URLS = (
    "https://a@127.0.0.1:9000/", "https://a:b@127.0.0.1:9000/", "https://hooks.example.org@127.0.0.1:9000/",
    "https://hooks.example.org:443@127.0.0.1:9000/", "https://127.0.0.1:9000#@hooks.example.org/",
    "https://127.0.0.1:9000\\@hooks.example.org/", "https://hooks.example.org\\@127.0.0.1:9000/",
    "https://127.0.0.1:9000?@hooks.example.org/", "https://127.0.0.1:9000%23@hooks.example.org/",
    "https:127.0.0.1:9000/", "https:/127.0.0.1:9000/", "https:///127.0.0.1:9000/", "https:\\\\127.0.0.1:9000/",
    "//127.0.0.1:9000/", "127.0.0.1:9000", "http://127.0.0.1:9000/", "http://hooks.example.org:9000/",
    " https://127.0.0.1:9000/", "https://127.0.0.1:9000/ ", "https://127.0.0.1 :9000/", "https://127.0.0.1\t:9000/",
    "ht\ntps://127.0.0.1:9000/", "https://127.0.0.1\r\n:9000/", "https://127.0.0.1:9000\x00.example.org/",
    "https://127.0.0.1:9000 .example.org/", "https://[::1]:9000/", "https://[::1]9000/", "https://::1:9000/",
    "https://[127.0.0.1]:9000/", "https://[[::1]]:9000/", "https://127.0.0.1:+9000/", "https://127.0.0.1:9000:443/",
    "https://127.0.0.1:\u0669000/", "https://.127.0.0.1:9000/", "https://127..0.0.1:9000/", "https://127.0.0.1:0x2328/",
    "file:///etc/passwd", "gopher://127.0.0.1:9000/_x", "ftp://127.0.0.1:9000/", "dict://127.0.0.1:9000/",
    "ws://127.0.0.1:9000/", "javascript:alert(1)", "data:,x", "unix:/var/run/docker.sock", "https://", "https://:9000/",
    "https://?@127.0.0.1:9000/", "", "https", "https://hooks_example.org:9000/", "https://-a.example.org:9000/",
)  # fmt: skip
ALL_URLS = (*(f"https://{host}:9000/hook" for host in INNER_HOSTS), *INNER_URLS)


@pytest.fixture(scope="module")
def canary() -> Iterator[Receiver]:
    """Listens on this machine, and is never to be called."""
    with receiving(answers("200 OK")) as receiver:
        yield receiver


def send(url: str, **options: object):
    return post(url, b"{}", {}, **{"limits": Limits(connect=20, total=20), "resolve": numbers_or_here, **options})


def test_the_corpus_is_no_shorter_than_it_says():
    assert len(set(ALL_URLS)) == len(ALL_URLS) > 160


@pytest.mark.parametrize("url", ALL_URLS, ids=ascii)
def test_nothing_is_dialled_for(url: str, dialled: Dialled, canary: Receiver):
    answer = send(url.replace("9000", str(canary.port)))
    assert answer.failure == ADDRESS_REFUSED
    assert (dialled, canary.called) == ([], 0)


@pytest.mark.parametrize("host", INNER_HOSTS, ids=ascii)
def test_what_a_spelling_leads_to_is_refused_though_the_spelling_were_not(host: str):
    """What of these the system reads as a number is one that is not public."""
    with pytest.raises((EndpointNotPublic, UnicodeError)):
        checked_addresses(host.strip("[]"), 443, resolve=numbers_or_here)


@pytest.mark.parametrize("url", INNER_URLS, ids=ascii)
def test_a_refusal_says_what_to_do_and_repeats_nothing(url: str):
    with pytest.raises(Refusal) as refused:
        refuse_unusable(url)
    assert refused.value.message.endswith(".")
    assert refused.value.fix.endswith(".")
    assert "127" not in str(refused.value)


def test_the_canary_is_called_where_private_addresses_are_allowed(dialled: Dialled, canary: Receiver, settings):
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    with receiving(answers("204 No Content")) as receiver:
        assert send(f"http://127.0.0.1:{receiver.port}/").status == 204
        assert send(f"http://[::1]:{receiver.port}/").status == 204
        assert send(f"http://localhost:{receiver.port}/").status == 204
    assert dialled == ["127.0.0.1", "::1", "127.0.0.1"]


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:127.0.0.1]", "0.0.0.0", "[fe80::1]", "224.0.0.1"]
)
def test_what_clouds_tell_their_machines_is_refused_even_then(host: str, dialled: Dialled, settings):
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    assert send(f"http://{host}:9000/").failure == ADDRESS_REFUSED
    assert dialled == []


@pytest.mark.parametrize(
    "found",
    [
        [PUBLIC, "10.0.0.1"],
        ["10.0.0.1", PUBLIC],
        [PUBLIC_6, "::1"],
        [PUBLIC, PUBLIC_6, "::ffff:127.0.0.1"],
        [PUBLIC, "fe80::1%lo"],
        ["64:ff9b::5db8:d70e"],
        [],
    ],
)
def test_one_inner_address_of_a_name_is_enough_to_dial_none(found: list[str], dialled: Dialled):
    assert send("https://hooks.example.org/", resolve=Names(found)).failure == ADDRESS_REFUSED
    assert dialled == []


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(dialled: Dialled):
    names = Names([PUBLIC], ["127.0.0.1"])
    send("https://hooks.example.org/", resolve=names)
    assert (names.asked, dialled) == (["hooks.example.org"], [PUBLIC])
    assert send("https://hooks.example.org/", resolve=names).failure == ADDRESS_REFUSED
    assert dialled == [PUBLIC]


@pytest.mark.parametrize("address", [PUBLIC, ALSO_PUBLIC, PUBLIC_6, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_dialled_as_they_are(address: str, dialled: Dialled):
    send("https://hooks.example.org/", resolve=Names([address]))
    assert dialled == [address]


# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry; multicast; 6to4's relays,
# 6bone; the platform's address within Azure. What of IPv6 is outside 2000::/3 is not listed.
SPECIAL = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20", "4000::/2",
        "8000::/1", "::/3",
    )
)  # fmt: skip


@pytest.mark.parametrize("network", SPECIAL, ids=str)
def test_each_special_network_is_refused_from_end_to_end_and_nothing_beside_it(
    network: IPv4Network | IPv6Network, monkeypatch: pytest.MonkeyPatch
):
    """By our own table: what Python knows of them changes with its version."""
    monkeypatch.setattr(IPv4Address, "is_global", True)
    monkeypatch.setattr(IPv6Address, "is_global", True)
    first, last = network[0], network[-1]
    assert not any(map(is_public, (first, last, first + network.num_addresses // 2)))
    beside = [
        type(first)(number) for number in (int(first) - 1, int(last) + 1) if 0 <= number < 1 << first.max_prefixlen
    ]
    for each in beside:
        assert is_public(each) != any(each in other for other in SPECIAL if other.version == each.version)


def test_what_python_calls_not_global_is_not_public():
    some = map(IPv4Address, range(0, 1 << 32, 977 << 8))
    assert not [each for each in some if not each.is_global and is_public(each)]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://hooks.example.org", ("hooks.example.org", 443, "/", "hooks.example.org")),
        ("HTTPS://Hooks.Example.ORG/A?b=C%20d", ("hooks.example.org", 443, "/A?b=C%20d", "hooks.example.org")),
        ("https://hooks.example.org:8443/x", ("hooks.example.org", 8443, "/x", "hooks.example.org:8443")),
        ("https://hooks.example.org?x", ("hooks.example.org", 443, "/?x", "hooks.example.org")),
        ("https://xn--bcher-kva.example/", ("xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example")),
        ("https://8.8.8.8/", ("8.8.8.8", 443, "/", "8.8.8.8")),
        ("https://[2606:4700:4700:0::1111]:8443/", ("2606:4700:4700::1111", 8443, "/", "[2606:4700:4700::1111]:8443")),
    ],
)
def test_an_address_in_its_parts(url: str, parts: tuple[str, int, str, str]):
    target = refuse_unusable(url)
    assert (target.host, target.port, target.path, target.authority) == parts


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("ftp://hooks.example.org/", EndpointNotHttps),
        ("http://hooks.example.org/", EndpointNotHttps),
        ("https:hooks.example.org", EndpointUrlUnreadable),
        ("https://hooks.example.org/a b", EndpointUrlUnreadable),
        ("https://hooks.example.org/%zz", EndpointUrlUnreadable),
        ("https://hooks.example.org/\u00fc", EndpointUrlUnreadable),
        ("https://hooks.example.org/" + "x" * 2048, EndpointUrlUnreadable),
        ("https://user@hooks.example.org/", EndpointHasCredentials),
        ("https://:secret@hooks.example.org/", EndpointHasCredentials),
        ("https://hooks.example.org/#x", EndpointHasFragment),
        ("https://hooks.example.org/#", EndpointHasFragment),
        ("https://hooks.example.org./", EndpointHostUnusual),
        ("https://" + ".".join(["a" * 63] * 4) + "/", EndpointHostUnusual),
        ("https://" + "a" * 64 + ".org/", EndpointHostUnusual),
        ("https://8.8.2056/", EndpointHostUnusual),
        ("https://hooks/", EndpointNotPublic),
        ("https://hooks.local/", EndpointNotPublic),
        ("https://10.0.0.1/", EndpointNotPublic),
    ],
)
def test_each_refusal_has_its_own_code(url: str, refusal: type[Refusal]):
    with pytest.raises(refusal) as refused:
        refuse_unusable(url)
    assert type(refused.value) is refusal
    assert refused.value.where == "url"


@pytest.mark.parametrize(
    "port", ["", "0", "22", "25", "0443", "3306", "6379", "7999", "65536", "99999999", "-1", "8e3"]
)
def test_ports_of_other_services_and_of_none_are_refused(port: str):
    with pytest.raises(EndpointPortRefused):
        refuse_unusable(f"https://hooks.example.org:{port}/")


def test_high_ports_but_those_of_known_services_are_used():
    for port in (80, 443, *range(8000, 65536)):
        if port in SERVICE_PORTS:
            with pytest.raises(EndpointPortRefused):
                refuse_unusable(f"https://hooks.example.org:{port}/")
        else:
            assert refuse_unusable(f"https://hooks.example.org:{port}/").port == port


def test_the_systems_own_resolver_is_asked_unless_another_is_given():
    assert [str(each) for each in checked_addresses("8.8.8.8", 443)] == ["8.8.8.8"]
    with pytest.raises(socket.gaierror):
        checked_addresses("256.256.256.256.invalid", 443, resolve=Names(socket.gaierror(-2, "unknown")))


def test_without_the_check_a_spelling_reaches_this_machine(
    monkeypatch: pytest.MonkeyPatch, dialled: Dialled, canary: Receiver
):
    """What the corpus shows depends on the check: without it, names lead to the canary."""
    monkeypatch.setattr(addresses, "may_be_dialled", lambda _: True)
    with receiving(answers("400 No TLS here"), reads=False) as receiver:
        assert send(f"https://localtest.me:{receiver.port}/").failure == TLS_FAILED
    assert dialled == ["127.0.0.1"]
