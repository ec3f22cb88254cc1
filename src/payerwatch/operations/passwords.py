"""A password for a command: typed twice unseen, or one line of standard input; never an argument, which others see."""

import getpass
import sys
from argparse import _ActionsContainer

from payerwatch.refusals import Refusal

_LONGEST_LINE = 4096


class PasswordMissing(Refusal):
    """There is no terminal to type a password at, and none came by standard input."""

    def __init__(self) -> None:
        super().__init__(
            "A password is needed.",
            fix="Run this at a terminal, or give --password-stdin and the password as one line of standard input.",
        )


class PasswordsDiffer(Refusal):
    """The password typed the second time was another."""

    def __init__(self) -> None:
        super().__init__("The two passwords differ.", fix="Try again.")


def add_password_argument(parser: _ActionsContainer) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input, as its first line"
    )


def read_password(*, from_stdin: bool) -> str:
    """The password. Raises PasswordMissing or PasswordsDiffer."""
    if from_stdin:
        password = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    elif sys.stdin.isatty():
        password = _typed_twice()
    else:
        raise PasswordMissing
    if not password:
        raise PasswordMissing
    return password


def _typed_twice() -> str:
    password = getpass.getpass("Password (not shown): ")
    if getpass.getpass("The same again: ") != password:
        raise PasswordsDiffer
    return password
