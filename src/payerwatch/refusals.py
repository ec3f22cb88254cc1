"""The one shape in which Payerwatch refuses: what is wrong, where, and how to fix it."""

import re
from typing import Any


class Refusal(Exception):
    """Something was refused and nothing was changed. `code` is the class's name in snake case.

    No part of it ever holds a value from a claims file: only columns, row numbers and names of our own.
    """

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    @property
    def code(self) -> str:
        """A stable name for programs, such as `date_order_ambiguous`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "where": self.where, "fix": self.fix}

    def document(self) -> dict[str, Any]:
        """The answer for programs: the error and, beside it, what is known all the same."""
        return {"error": self.as_dict()}

    def __str__(self) -> str:
        place = f" ({self.where.rstrip('.')})" if self.where else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.message.rstrip('.')}{place}.{fix}"
