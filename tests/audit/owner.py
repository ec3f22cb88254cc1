"""What whoever owns the database can do to chains: change rows with the triggers off."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from payerwatch.audit.models import Entry
from payerwatch.audit.verifying.definition import CONTENT, GENESIS, entry_digest, microseconds
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from payerwatch.tenancy.sqlite.guards import guards_lifted

TABLES = ("audit_entry", "audit_chain")


@contextmanager
def triggers_off() -> Iterator[None]:
    """Connected as the owner of the tables, whom no trigger stops."""
    with as_migrator(), guards_lifted():
        _switch("DISABLE")
        yield
        _switch("ENABLE")


def _switch(word: str) -> None:
    if connection.vendor == "postgresql":
        for table in TABLES:
            run(f"ALTER TABLE {table} {word} TRIGGER USER")


def run(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@dataclass(frozen=True)
class Owner:
    """The owner at work on one customer's chain. Each method leaves the rest of the chain as it was."""

    customer: Customer

    def entries(self) -> list[Entry]:
        with acting_in(self.customer):
            return list(Entry.objects.order_by("position"))

    def entry(self, position: int) -> Entry:
        return next(entry for entry in self.entries() if entry.position == position)

    def set(self, position: int, /, **columns: Any) -> None:
        changes = ", ".join(f'"{name}" = %s' for name in columns)
        sql = f"UPDATE audit_entry SET {changes} WHERE customer_id = %s AND position = %s"
        run(sql, *columns.values(), self.customer.pk, position)

    def move(self, position: int, to: int) -> None:
        self.set(position, position=to)

    def delete(self, position: int) -> None:
        run("DELETE FROM audit_entry WHERE customer_id = %s AND position = %s", self.customer.pk, position)

    def shift(self, positions: Sequence[int], by: int) -> None:
        for position in sorted(positions, reverse=by > 0):
            self.move(position, position + by)

    def write(self, position: int, entry: Entry, *, previous: bytes) -> None:
        """Write a forged entry here, with the digest it would have had."""
        digest = self._digest(entry, position, previous)
        names = ["customer_id", "position", "at", *CONTENT, "previous", "digest"]
        values = [self.customer.pk, position, entry.at, *self._content(entry), previous, digest]
        columns = ", ".join(f'"{name}"' for name in names)
        run(f"INSERT INTO audit_entry ({columns}) VALUES ({', '.join(['%s'] * len(names))})", *values)

    def rechain(self, first: int) -> None:
        """Compute every digest anew from this entry on, and set the head."""
        previous = bytes(self.entry(first - 1).digest) if first > 1 else GENESIS
        for entry in self.entries()[first - 1 :]:
            digest = self._digest(entry, entry.position, previous)
            self.set(entry.position, previous=previous, digest=digest)
            previous = digest
        self.set_head(len(self.entries()), previous)

    def redigest(self, position: int) -> None:
        """Compute the digest of one entry anew, and leave those after it."""
        entry = self.entry(position)
        self.set(position, digest=self._digest(entry, position, bytes(entry.previous)))

    def set_head(self, length: int, digest: bytes) -> None:
        run("UPDATE audit_chain SET length = %s, digest = %s WHERE customer_id = %s", length, digest, self.customer.pk)

    def forged(self, like: int, *, earlier: timedelta = timedelta()) -> Entry:
        entry = self.entry(like)
        entry.thing_id, entry.at = "upl_forged", entry.at - earlier
        return entry

    def _digest(self, entry: Entry, position: int, previous: bytes) -> bytes:
        return entry_digest(previous, position, microseconds(entry.at), self.customer.pk, self._content(entry))

    def _content(self, entry: Entry) -> list[str]:
        return [getattr(entry, name) for name in CONTENT]
