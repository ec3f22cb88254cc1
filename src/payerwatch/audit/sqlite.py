"""How SQLite keeps entries: triggers refuse changes, and inserts that do not continue the chain.

A migration and the flush between tests may pass (`tenancy_allows(NULL)`); any other program that opens the
file does not even know that function, and is refused by its absence.
"""

from typing import Any

from payerwatch.audit.verifying.definition import GENESIS

_GENESIS = f"x'{GENESIS.hex()}'"
_CHAINS = (
    ("audit_entry", "audit_chain", "customer_id = NEW.customer_id", "audit_entry.customer_id = NEW.customer_id"),
    ("audit_installationentry", "audit_installationchain", "id = 1", "true"),
)


def make_append_only(editor: Any) -> None:
    for entry, chain, own_head, own_entry in _CHAINS:
        continues = (
            f"NEW.position = coalesce((SELECT length FROM {chain} WHERE {own_head}), 0) + 1 "
            f"AND NEW.previous = coalesce((SELECT digest FROM {chain} WHERE {own_head}), {_GENESIS})"
        )
        follows = (
            f"NEW.length = OLD.length + 1 AND EXISTS (SELECT 1 FROM {entry} "
            f"WHERE {own_entry} AND position = NEW.length AND previous = OLD.digest AND digest = NEW.digest)"
        )
        _refuse(editor, entry, "INSERT", unless=continues)
        _refuse(editor, entry, "UPDATE")
        _refuse(editor, entry, "DELETE")
        _refuse(editor, chain, "INSERT", unless=f"NEW.length = 0 AND NEW.digest = {_GENESIS}")
        _refuse(editor, chain, "UPDATE", unless=follows)
        _refuse(editor, chain, "DELETE")


def unmake_append_only(editor: Any) -> None:
    for tables in _CHAINS:
        for table in tables[:2]:
            for event in ("INSERT", "UPDATE", "DELETE"):
                editor.drop_trigger(_name(table, event))


def _refuse(editor: Any, table: str, event: str, *, unless: str = "false") -> None:
    editor.execute(
        f'CREATE TRIGGER "{_name(table, event)}" BEFORE {event} ON "{table}" FOR EACH ROW '
        f"WHEN NOT (tenancy_allows(NULL) OR ({unless})) "
        f"BEGIN SELECT RAISE(ABORT, 'append-only: {event.lower()} refused on {table}'); END"
    )


def _name(table: str, event: str) -> str:
    return f"{table}_append_only_{event.lower()}"
