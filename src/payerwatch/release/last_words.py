"""What a process of a build has said last, where that is words of ours: they hold no value that anybody sent."""

import json
from pathlib import Path

BEGIN = ("Refused: ", "This is a mistake in Payerwatch: ")
"""How a command that ends by a fault begins to say why."""
MOST_READ = 20_000
"""Bytes from the end."""


def last_words(log: Path) -> str:
    """A refusal as a whole, or the message of the last line; empty where it is neither, or cannot be read."""
    try:
        written = log.read_bytes()[-MOST_READ:].decode(errors="replace")
    except OSError:
        return ""
    lines = written.strip().splitlines()
    said: list[str] = []
    for line in reversed(lines):
        said.insert(0, line)
        if line.startswith(BEGIN):
            return "\n".join(said)
        message = _message(line)
        if message is not None and len(said) == 1:
            return message
        if message is not None or line.startswith("Traceback"):
            return ""
    return ""


def _message(line: str) -> str | None:
    """Of a line of a build's log; None for what is none."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return str(told.get("message", "")) if isinstance(told, dict) else None
