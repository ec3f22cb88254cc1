"""E-mail addresses as they are stored, compared and written to."""

import re

from payerwatch.refusals import Refusal

LONGEST = 254

# The form that browsers accept (HTML, valid e-mail address). In ASCII alone, so that no two letters that look
# or fold alike make two people out of one address, or one out of two.
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
    re.ASCII,
)


class EmailUnusable(Refusal):
    """An e-mail address must have the form name@place, in ASCII and at most 254 characters."""

    def __init__(self) -> None:
        super().__init__(
            "This is not an e-mail address that can be used.",
            where="email",
            fix=f"Write it as name@example.com, in at most {LONGEST} plain letters.",
        )


def email_address(text: str) -> str:
    """The address as it is stored: without blanks around it, in lower case. Raises EmailUnusable."""
    address = text.strip(" \t\r\n")
    if not address.isascii() or len(address) > LONGEST or not _ADDRESS.fullmatch(address.lower()):
        raise EmailUnusable
    return address.lower()
