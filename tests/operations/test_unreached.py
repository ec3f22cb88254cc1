"""What is said of a database that lets nobody in: which address, what is wrong with it, and never its password."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checkpoint_keys import put_checkpoint_key
from tests.journeys.ports import free_port
from tests.operations.test_command_line import error_of, run

pytestmark = pytest.mark.pure

SSL_REQUEST = bytes.fromhex("04d2162f")
COMMANDS = (("events", "--customer", "A"), ("jobs",), ("add_customer", "A"))


@contextmanager
def server_that_says(state: str, words: str) -> Iterator[int]:
    """The port of one that speaks as PostgreSQL does and lets nobody in."""
    fields = f"SFATAL\0VFATAL\0C{state}\0M{words}\0\0".encode()
    refusal = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:  # the test is over
                    return
                with caller:
                    while (asked := caller.recv(4096))[4:8] == SSL_REQUEST:
                        caller.sendall(b"N")
                    if asked:
                        caller.sendall(refusal)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def url(place: str, role: str = "app") -> str:
    return f"postgresql://{role}:hidden@{place}/claims"


SAID = {
    "28P01": ('password authentication failed for user "app"', "refused the password of the role app"),
    "28000": ('role "app" does not exist', "knows no role app"),
    "28000 ": ('no pg_hba.conf entry for host "10.0.0.1", user "app"', "lets the role app not in from this machine"),
    "3D000": ('database "claims" does not exist', "no database claims at 127.0.0.1"),
    "53300": ("sorry, too many clients already", "has no connection free"),
    "57P03": ("the database system is starting up", "is starting or ending"),
}


@pytest.mark.parametrize("state", SAID)
def test_what_the_server_said_is_told_in_our_words(tmp_path: Path, state: str):
    words, told = SAID[state]
    with server_that_says(state.strip(), words) as port:
        error = error_of(run(tmp_path, "jobs", "--json", DATABASE_URL=url(f"127.0.0.1:{port}")), 1)
    assert error["code"] == "database_not_ready"
    assert told in error["message"]
    assert error["fix"]
    assert "hidden" not in str(error)


def nothing_listening() -> tuple[str, str]:
    port = free_port()
    return f"127.0.0.1:{port}", f"Nothing listens at 127.0.0.1, port {port}."


def no_such_socket() -> tuple[str, str]:
    return "%2Fnowhere", "Nothing listens at /nowhere, port 5432."


def unknown_host() -> tuple[str, str]:
    return "db.invalid", "The host db.invalid is not known."


WAYS = (nothing_listening, no_such_socket, unknown_host)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("way", WAYS)
def test_where_no_server_is_every_command_says_so(
    tmp_path: Path, way: Callable[[], tuple[str, str]], command: tuple[str, ...]
):
    place, told = way()
    error = error_of(run(tmp_path, *command, "--json", DATABASE_URL=url(place)), 1)
    assert error["message"] == told
    assert "DATABASE_URL" in error["fix"]


@pytest.mark.parametrize("way", WAYS)
def test_checking_before_deployment_fails_and_says_so(tmp_path: Path, way: Callable[[], tuple[str, str]]):
    place, told = way()
    done = run(tmp_path, "check", "--deploy", "--json", DATABASE_URL=url(place))
    assert done.returncode == 1
    assert f'"id": "payerwatch.E023",\n      "level": "error",\n      "message": "{told}"' in done.stdout
    assert "hidden" not in done.stdout + done.stderr


def test_checking_before_deployment_tells_a_refused_password(tmp_path: Path):
    with server_that_says("28P01", SAID["28P01"][0]) as port:
        done = run(tmp_path, "check", "--deploy", DATABASE_URL=url(f"127.0.0.1:{port}"))
    assert done.returncode == 1
    assert "(payerwatch.E023) The database refused the password of the role app." in done.stderr
    assert "hidden" not in done.stderr


def test_checking_before_deployment_tells_that_nothing_was_migrated(tmp_path: Path):
    (tmp_path / "data").mkdir(mode=0o700)
    done = run(tmp_path, "check", "--deploy")
    assert done.returncode == 1
    assert "(payerwatch.E024) Tables are missing" in done.stderr
    assert "Run: payerwatch migrate" in done.stderr


def test_migrating_names_the_address_that_was_tried(tmp_path: Path):
    with server_that_says("28P01", 'password authentication failed for user "migrator"') as port:
        place = f"127.0.0.1:{port}"
        urls = {"DATABASE_URL": url(place), "MIGRATOR_DATABASE_URL": url(place, "migrator")}
        error = error_of(run(tmp_path, "migrate", "--json", **urls), 1)
    assert error["message"] == "The database refused the password of the role migrator."
    assert "MIGRATOR_DATABASE_URL" in error["fix"]


def test_serving_others_tells_what_is_wrong_with_the_database_as_every_command(tmp_path: Path):
    place, told = nothing_listening()
    sound = {
        "PAYERWATCH_SECRET_KEY": "correct-horse-battery-staple-0123456789-abcdefghij",
        "PAYERWATCH_HTTPS": "yes",
        "PAYERWATCH_HOSTS": "payerwatch.example.org",
        "PAYERWATCH_URL": "https://payerwatch.example.org",
        "PAYERWATCH_TRUSTED_PROXIES": "unix",
        "PAYERWATCH_MAIL_URL": "smtps://user:password@mail.example.org:465",
        "PAYERWATCH_CHECKPOINT_KEY": str(tmp_path / "key.pem"),
        "PAYERWATCH_CHECKPOINT_DIR": str(tmp_path / "checkpoints"),
    }
    put_checkpoint_key(tmp_path / "key.pem")
    (tmp_path / "data").mkdir(mode=0o700)
    bind = f"127.0.0.1:{free_port()}"
    error = error_of(run(tmp_path, "serve", "--bind", bind, "--json", DATABASE_URL=url(place), **sound), 1)
    assert (error["code"], error["message"]) == ("database_not_ready", told)
