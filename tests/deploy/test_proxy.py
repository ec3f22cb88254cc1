"""What is set up in front of the server, here and in the documents' example: what holds claims goes through it at once,
whole, and over connections that are encrypted."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from payerwatch.members.door_bodies import largest_body
from tests.deploy.reading import DEPLOY, ROOT

pytestmark = pytest.mark.pure

ENCRYPTED = ("require", "verify-ca", "verify-full")
OPERATING = (ROOT / "docs" / "operating.md").read_text()
SERVERS = {
    "deploy": (DEPLOY / "nginx" / "payerwatch.server").read_text(),
    "example": re.findall(r"```nginx\n(.*?)```", OPERATING, re.DOTALL)[0],
}
WITH_CLAIMS = {
    ("POST", "/api/v1/uploads/"),
    ("POST", "/api/v1/ingest/claims/"),
    ("PATCH", "/api/v1/uploads/resumable/u/"),
}


def directives(block: str) -> dict[str, list[str]]:
    """What is set by each word there, in the block itself and not in those within."""
    found: dict[str, list[str]] = {}
    for line in re.findall(
        r"^\s*(\w+ .*?);", re.sub(r"location[^{]*\{.*?\}", "", block, flags=re.DOTALL), re.MULTILINE
    ):
        word, *values = line.split()
        found.setdefault(word, []).append(" ".join(values))
    return found


def location(server: str, path: str) -> dict[str, list[str]]:
    """What holds there, as nginx chooses: an expression that fits comes before the beginning of an address.

    What is set around a location holds in it, unless it says the same word.
    """
    found = re.findall(r"location (~ |= )?(\S+) +\{(.*?)\}", server, re.DOTALL)
    fitting = [block for kind, name, block in found if kind == "~ " and re.search(name, path)]
    fitting += [block for kind, name, block in found if not kind and path.startswith(name)]
    return directives(server[server.index("server {") + 8 :]) | directives(fitting[0])


def megabytes(text: str) -> int:
    return int(text.removesuffix("m")) * 1024 * 1024


@pytest.mark.parametrize("where", SERVERS)
@pytest.mark.parametrize(("method", "path"), sorted(WITH_CLAIMS), ids=lambda each: each)
def test_claims_pass_through_the_proxy_and_lie_nowhere_in_it(where: str, method: str, path: str):
    held = location(SERVERS[where], path)
    assert held["proxy_request_buffering"] == ["off"]
    assert held["proxy_http_version"] == ["1.1"], "with 1.0 what comes in pieces is put into a file all the same"
    assert held["proxy_max_temp_file_size"] == ["0"]
    assert megabytes(held["client_max_body_size"][0]) >= largest_body(method, path)


@pytest.mark.parametrize("where", SERVERS)
@pytest.mark.parametrize("path", ["/", "/api/v1/claims/", "/api/v1/ingest/claims/", "/api/v1/uploads/"])
def test_the_server_is_told_who_asks_wherever_they_ask(where: str, path: str):
    assert [each.split() for each in location(SERVERS[where], path)["proxy_set_header"]] == [
        ["Host", "$host"],
        ["X-Forwarded-For", "$remote_addr"],
        ["X-Forwarded-Proto", "$scheme"],
    ]


@pytest.mark.parametrize("where", SERVERS)
def test_what_is_short_is_taken_off_the_server(where: str):
    held = location(SERVERS[where], "/api/v1/claims/")
    assert held["proxy_request_buffering"] == ["on"]
    assert megabytes(held["client_max_body_size"][0]) >= settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_the_proxy_connects_anew_for_each_request():
    """So that another build is met at once: docs/releasing.md."""
    for path in (DEPLOY / "nginx").iterdir():
        assert not re.search(r"^\s*(keepalive|proxy_set_header\s+Connection)\b", path.read_text(), re.MULTILINE), path


@pytest.mark.parametrize(
    "address", sorted(set(re.findall(r"postgresql://[^\s'`|]+(?<!…)", OPERATING))), ids=lambda each: each.split("@")[-1]
)
def test_every_address_of_a_database_on_another_machine_asks_for_encryption(address: str):
    parts = urlsplit(address)
    if parts.hostname != "localhost":
        assert parse_qs(parts.query).get("sslmode", [""])[0] in ENCRYPTED


def test_pgbouncer_is_shown_nothing_in_the_clear_and_shows_nothing():
    told = dict(re.findall(r"^(\w+) = (\S+)", re.findall(r"```ini\n(.*?)```", OPERATING, re.DOTALL)[0], re.MULTILINE))
    assert told["client_tls_sslmode"] in ENCRYPTED
    assert told["server_tls_sslmode"] in ENCRYPTED
    assert {"client_tls_cert_file", "client_tls_key_file", "server_tls_ca_file"} <= set(told)
