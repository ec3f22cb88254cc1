"""Where `serve` listens: an address that cannot be had is refused before anything starts."""

import socket

import pytest

from tests.journeys.conftest import Installation

pytestmark = [pytest.mark.database, pytest.mark.once]


def test_a_port_that_another_program_has_is_refused_with_its_address(installation: Installation):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        done = installation.run("serve", "--bind", bind, "--json")
    assert done.code == 1, done
    assert done.document["error"]["code"] == "address_unusable"
    assert bind in done.document["error"]["where"]
    assert "--bind" in done.document["error"]["fix"]
    assert len(done.err.splitlines()) <= 3


@pytest.mark.parametrize(
    "bind", ["nonsense", "", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "http://127.0.0.1:80", "999.0.0.1:8000"]
)
def test_what_is_no_address_is_refused(installation: Installation, bind: str):
    done = installation.run("serve", "--bind", bind, "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "address_unusable")
