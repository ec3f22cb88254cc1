"""The one shape in which Payerwatch refuses: what is wrong, where, and how to fix it."""

import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Any, ClassVar, NoReturn


class Kind(Enum):
    """Why something is refused, in the broadest terms: what a caller can do about it."""

    INVALID = "what was asked for cannot be understood or used"
    UNKNOWN_CALLER = "who asks is not known"
    NOT_ALLOWED = "who asks may not"
    MISSING = "there is nothing of that name"
    CONFLICT = "it does not fit what is there now"
    TOO_MANY = "it was asked too often"
    UNAVAILABLE = "something it needs does not answer now"


class Refusal(Exception):
    """Something was refused and nothing was changed. `code` is the class's name in snake case.

    No part of it ever holds a value from a claims file: only columns, row numbers and names of our own. The first
    paragraph of a class's docstring is what the catalogue of errors says that the code means.
    """

    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    @property
    def code(self) -> str:
        """A stable name for programs, such as `date_order_ambiguous`."""
        return code_of(type(self))

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "where": self.where, "fix": self.fix}

    def document(self) -> dict[str, Any]:
        """The answer for programs: the error and, beside it, what is known all the same."""
        return {"error": self.as_dict()}

    def in_words(self) -> str:
        """The answer for people: what, where and how to fix it, each on a line."""
        return "\n".join(line for line in (f"Refused: {self.message}", self.where, self.fix) if line)

    def __str__(self) -> str:
        place = f" ({self.where.rstrip('.')})" if self.where else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.message.rstrip('.')}{place}.{fix}"


def code_of(refusal: type[Refusal]) -> str:
    """The code by which a kind of refusal is known."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", refusal.__name__).lower()


class SettingsUnusable(Refusal):
    """A setting cannot be read, or names a database or role that must not be used."""


class Interrupted(Refusal):
    """The command was stopped from outside, as by Ctrl-C, before it was done."""

    def __init__(self) -> None:
        super().__init__("Interrupted. What was not finished was not stored.")

    def in_words(self) -> str:
        return self.message


class Unforeseen(Refusal):
    """A mistake in Payerwatch itself ended the command. The error's own words are not told: they may hold values."""

    def __init__(self, error: str, places: Sequence[str]) -> None:
        super().__init__(
            f"This is a mistake in Payerwatch: {error}.",
            where=f"At {' < '.join(reversed(places))}",
            fix="Please report these lines. With PAYERWATCH_DEBUG=1 it shows all, which may hold patients' data.",
        )

    def in_words(self) -> str:
        return "\n".join((self.message, self.where, self.fix))


class Usage(Refusal):
    """The command line cannot be understood."""


def states_usage_errors(parser: ArgumentParser) -> None:
    """Let a parser's usage errors be stated on stdout as well, where `--json` is on the command line."""
    if "--json" in sys.argv:
        parser.error = partial(_state_usage_error, parser)  # type: ignore[method-assign]


def _state_usage_error(parser: ArgumentParser, message: str) -> NoReturn:
    refusal = Usage(message, where=parser.prog, fix=" ".join(parser.format_usage().split()))
    sys.stdout.write(json.dumps(refusal.document(), indent=2) + "\n")
    type(parser).error(parser, message)
