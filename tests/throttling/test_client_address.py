"""The client's address is what a trusted proxy saw, whatever the client writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.throttling.client_address import (
    ProxiesUnreadable,
    TrustedProxies,
    client_address,
    network_key,
    read_proxies,
    throttle_key,
)

pytestmark = pytest.mark.pure

NOBODY = TrustedProxies()
PROXIES = read_proxies("10.0.0.0/8, 2001:db8:ffff::/48, 192.0.2.7")

FORWARDED = {
    "from the proxy's caller": ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
    "through two proxies": ("10.0.0.1", "198.51.100.9, 10.2.3.4", "198.51.100.9"),
    "with an invention before": ("10.0.0.1", "203.0.113.1, 198.51.100.9", "198.51.100.9"),
    "with a proxy's address invented": ("10.0.0.1", "10.9.9.9, 198.51.100.9", "198.51.100.9"),
    "with a port": ("10.0.0.1", "198.51.100.9:51234", "198.51.100.9"),
    "IPv6": ("2001:db8:ffff::1", "2001:db8::5", "2001:db8::5"),
    "IPv6 in brackets": ("10.0.0.1", "[2001:db8::5]", "2001:db8::5"),
    "IPv6 with a port": ("10.0.0.1", "[2001:db8::5]:443", "2001:db8::5"),
    "IPv6 written long": ("10.0.0.1", "2001:0DB8:0:0:0:0:0:5", "2001:db8::5"),
    "IPv6 with a zone": ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
    "IPv4 within IPv6": ("::ffff:10.0.0.1", "::ffff:198.51.100.9", "198.51.100.9"),
    "with empty words": ("10.0.0.1", " ,198.51.100.9, ,", "198.51.100.9"),
    "nothing but proxies": ("10.0.0.1", "10.5.5.5, 10.6.6.6", "10.5.5.5"),
    "nothing": ("10.0.0.1", "", "10.0.0.1"),
    "garbage": ("10.0.0.1", "198.51.100.9, what?", "10.0.0.1"),
    "garbage behind a proxy": ("10.0.0.1", "unknown, 192.0.2.7", "192.0.2.7"),
    "an address that is none": ("10.0.0.1", "256.1.1.1", "10.0.0.1"),
    "leading zeros": ("10.0.0.1", "198.051.100.9", "10.0.0.1"),
    "an empty bracket": ("10.0.0.1", "[]:80", "10.0.0.1"),
}


@pytest.mark.parametrize(("peer", "field", "client"), FORWARDED.values(), ids=FORWARDED)
def test_a_trusted_proxy_is_believed(peer: str, field: str, client: str):
    assert client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": field}, PROXIES) == client


@given(st.text() | st.ip_addresses().map(str))
def test_what_an_untrusted_peer_forwards_changes_nothing(invented: str):
    for trusted in (NOBODY, PROXIES):
        assert (
            client_address({"REMOTE_ADDR": "203.0.113.5", "HTTP_X_FORWARDED_FOR": invented}, trusted) == "203.0.113.5"
        )


@given(st.lists(st.ip_addresses().map(str) | st.text(), max_size=5))
def test_what_stands_before_the_proxys_word_changes_nothing(invented: list[str]):
    field = ", ".join([*invented, "198.51.100.9"])
    assert client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": field}, PROXIES) == "198.51.100.9"


def test_without_a_forwarded_field_the_peer_is_the_client():
    assert client_address({"REMOTE_ADDR": "203.0.113.5"}, PROXIES) == "203.0.113.5"
    assert client_address({"REMOTE_ADDR": "::ffff:203.0.113.5"}, NOBODY) == "203.0.113.5"


@pytest.mark.parametrize("peer", ["", "what?", "@"])
def test_a_peer_without_an_address_is_unknown_and_not_believed(peer: str):
    assert client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "198.51.100.9"}, PROXIES) == ""


def test_a_proxy_on_a_unix_socket_is_believed_where_it_is_trusted():
    by_socket = read_proxies("unix")
    assert (
        client_address({"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "9.9.9.9, 198.51.100.9"}, by_socket)
        == "198.51.100.9"
    )
    assert client_address({"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "what?"}, by_socket) == ""
    assert client_address({"REMOTE_ADDR": "what?", "HTTP_X_FORWARDED_FOR": "9.9.9.9"}, by_socket) == ""


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "proxy.example", "10.0.0.0/8 10.1.0.0/16", "*", "Unix"])
def test_a_proxy_that_cannot_be_read_is_refused(text: str):
    with pytest.raises(ProxiesUnreadable) as refused:
        read_proxies(f"192.0.2.7, {text}")
    assert text in refused.value.message


def test_no_proxy_is_trusted_unless_it_is_named():
    assert read_proxies("") == read_proxies(" , ") == NOBODY


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("what?", "unknown"),
    ],
)
def test_a_client_is_throttled_by_its_network(address: str, key: str):
    assert throttle_key(address) == key


@given(st.integers(0, 2**64 - 1))
def test_the_addresses_a_client_may_choose_are_one(host: int):
    assert throttle_key(
        f"2001:db8:1:2:{host >> 48:x}:{host >> 32 & 0xFFFF:x}:{host >> 16 & 0xFFFF:x}:{host & 0xFFFF:x}"
    ) == ("2001:db8:1:2::/64")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("", "unknown"),
    ],
)
def test_one_party_is_counted_by_24_bits_of_ipv4_and_48_of_ipv6(address: str, network: str):
    assert network_key(address) == network
