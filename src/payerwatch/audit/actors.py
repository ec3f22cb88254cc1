"""Who acts: a person, a key, a command, a job, or nobody known."""

import getpass
from dataclasses import dataclass
from typing import Literal

Kind = Literal["person", "key", "command", "job", "anonymous"]


@dataclass(frozen=True)
class Actor:
    """Who did it, in which role, and from where; the name is kept as it was at the time."""

    kind: Kind
    id: str = ""
    """The public id of a person (`per_…`) or key (`key_…`); empty for commands, jobs and nobody known."""
    name: str = ""
    role: str = ""
    address: str = ""
    """The client's network address, where there is one."""
    request_id: str = ""


def command_actor() -> Actor:
    """Whoever runs this command, by the operating system's name for them."""
    return Actor("command", name=_user_name())


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return ""
