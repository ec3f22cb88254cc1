"""What a backup says of itself, before all else in it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from payerwatch.backups.contents import Contents
from payerwatch.backups.refusals import BackupUnreadable

PART = "manifest"


@dataclass(frozen=True)
class Manifest:
    vendor: str
    """postgresql or sqlite."""
    build: str
    made_at: datetime
    """Nothing later is in it."""
    server: int
    """The major version of the server, and of the pg_dump that was used if that is newer; 0 on SQLite."""
    app_role: str
    """To whom the tables are granted; empty on SQLite."""
    owner_role: str
    contents: Contents

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), default=datetime.isoformat).encode()

    @property
    def total_rows(self) -> int:
        return sum(self.contents.rows.values())


def read_manifest(text: bytes) -> Manifest:
    """Raises BackupUnreadable."""
    try:
        said: dict[str, Any] = json.loads(text)
        contents = _read_contents(**said["contents"])
        return Manifest(**said | {"made_at": datetime.fromisoformat(said["made_at"]), "contents": contents})
    except (KeyError, TypeError, ValueError) as error:
        raise BackupUnreadable(
            f"What the backup says of itself cannot be read ({type(error).__name__}).", fix="Use another backup."
        ) from None


def _read_contents(*, chains: dict[str, list], newest_entry_at: str | None, **others: Any) -> Contents:
    heads = {name: (int(length), str(digest)) for name, (length, digest) in chains.items()}
    newest = datetime.fromisoformat(newest_entry_at) if newest_entry_at else None
    return Contents(chains=heads, newest_entry_at=newest, **others)
