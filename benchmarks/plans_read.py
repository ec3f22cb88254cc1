"""The plans that the server has really followed, told by `auto_explain` to whoever sent the statement.

So nothing is asked twice, and what functions, foreign keys and triggers ask is told as well as what the product sends.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import psycopg
from django.db.backends.signals import connection_created
from psycopg import sql

_EXPLAINED = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "client_min_messages": "log",
    "log_min_messages": "fatal",
}
_TEXT = '"Query Text": "'
_OFTEN = 20
"""So many plans of one text are looked at for each of what is done: a load checks one key for each of its rows."""


class Scan(NamedTuple):
    """One reading of a table, in the plan of a statement that `asked_by` sent."""

    asked_by: str
    statement: str
    table: str
    index: str
    """Blank where the table is read from its beginning to its end."""
    returned: int
    left_out: int
    """Rows that were read for nothing, as they did not meet a condition that the index knows nothing of."""


class Plans:
    """What was scanned, for each piece of work; collected from every connection of this process."""

    def __init__(self) -> None:
        self.scans: dict[tuple[str, str, str, str], Scan] = {}
        self.indexes: dict[str, Counter[str]] = defaultdict(Counter)
        """By index, how often it was in a plan, by what was done."""
        self.statements: set[str] = set()
        self._doing = ""
        self._seen: Counter[str] = Counter()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        self._doing = name
        self._seen.clear()
        try:
            yield
        finally:
            self._doing = ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        def listen(connection: Any, **_: Any) -> None:
            connection.connection.add_notice_handler(self._told)

        connection_created.connect(listen)
        try:
            yield
        finally:
            connection_created.disconnect(listen)

    def _told(self, notice: psycopg.errors.Diagnostic) -> None:
        _, begun, plan = (notice.message_primary or "").partition("plan:\n")
        if not begun or not self._doing:
            return
        text = plan[plan.find(_TEXT) + len(_TEXT) : plan.find('",\n')]
        self._seen[text] += 1
        if self._seen[text] > _OFTEN:
            return
        self.statements.add(text)
        self._look_at(json.loads(plan)["Plan"], text)

    def _look_at(self, node: Mapping[str, Any], text: str) -> None:
        for index in [
            *([node["Index Name"]] if "Index Name" in node else []),
            *node.get("Conflict Arbiter Indexes", ()),
        ]:
            self.indexes[index][self._doing] += 1
        if "Relation Name" in node and "Scan" in node["Node Type"]:
            self._keep(node, text)
        for each in node.get("Plans", ()):
            self._look_at(each, text)

    def _keep(self, node: Mapping[str, Any], text: str) -> None:
        index = "" if node["Node Type"] == "Seq Scan" else node.get("Index Name") or "bitmap"
        turns = node.get("Actual Loops", 1)
        returned = int(node.get("Actual Rows", 0) * turns)
        left_out = int((node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)) * turns)
        scan = Scan(self._doing, text, node["Relation Name"], index, returned, left_out)
        key = (scan.asked_by, scan.statement, scan.table, scan.index)
        if key not in self.scans or self.scans[key].left_out < left_out:
            self.scans[key] = scan


def explain_to_the_application(*, scans_off: bool = False) -> None:
    """From its next connection on, the application's role is told of each plan.

    With `scans_off` no table is read from its beginning where any index could be used.
    """
    role = unquote(urlsplit(os.environ["DATABASE_URL"]).username or "")
    settings = _EXPLAINED | ({"enable_seqscan": "off"} if scans_off else {})
    with administrator() as connection:
        for name, value in settings.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(role), sql.SQL(name), sql.Literal(value))
            )


def administrator() -> psycopg.Connection:
    """As the server's superuser, whom a server that was started for this run lets in by its socket."""
    url = urlsplit(os.environ["DATABASE_URL"])
    host, _, port = url.netloc.rpartition("@")[2].rpartition(":")
    return psycopg.connect(host=unquote(host), port=port, user="postgres", dbname=url.path[1:], autocommit=True)
