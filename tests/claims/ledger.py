"""A second, simple account of what loads, undos and mappings do to claims, kept in memory.

Written from the rules and not from the code: a claim is (number, submitted date); in one file the last row of
a code wins and other codes are lines of one claim; the first decision stays unless an earlier one turns up.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from payerwatch.claims.cpt_groups import cpt_group
from payerwatch.claims.payer_names import normalise
from tests.make import Row

State = dict[str, Any]
Key = tuple[Any, ...]

# What a file says of a claim, by the columns it has; the rest of a claim is always said.
SAID_BY = {
    "service": ("service",),
    "billed": ("billed",),
    "allowed": ("allowed",),
    "paid": ("paid",),
    "reason": ("category",),
}
CATEGORIES = {"": "unknown", "CO-197": "authorization", "CO-29": "timely_filing"}
OUTCOMES = {"Pending": "pending", "Paid": "paid", "Partially Paid": "paid", "Denied": "denied", "Appealed": "denied"}


def cents(text: str) -> int | None:
    return round(float(text) * 100) if text else None


def total(amounts: list[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def stated(cells: Row) -> State:
    """What one row says."""
    outcome = OUTCOMES[cells["status"]]
    return {
        "payer": normalise(cells["payer"]),
        "cpt": cells["cpt"],
        "service": cells["service"] or None,
        "outcome": outcome,
        "status": cells["status"].lower().replace(" ", "_"),
        "decided": None if outcome == "pending" else cells["decided"],
        "category": CATEGORIES[cells["reason"]] if outcome == "denied" else None,
        **{name: cents(cells[name]) for name in ("billed", "allowed", "paid")},
    }


def one_claim(lines: Sequence[State]) -> State:
    """The claim that rows with one key make, in the order of the file."""
    latest = {line["cpt"]: line for line in lines}
    lines = [line for line in lines if latest[line["cpt"]] is line]
    if len(lines) == 1:
        return dict(lines[0])
    by_size = sorted(lines, key=lambda line: -(line["billed"] or 0))
    outcomes = {line["outcome"] for line in lines}
    statuses = {line["status"] for line in lines}
    claim = {name: by_size[0][name] for name in ("payer", "cpt", "service")}
    claim |= {name: total([line[name] for line in lines]) for name in ("billed", "allowed", "paid")}
    if "pending" in outcomes:
        return claim | {"outcome": "pending", "status": "pending", "decided": None, "category": None}
    decided = max(line["decided"] for line in lines)
    if outcomes == {"denied"}:
        status = "appealed" if "appealed" in statuses else "denied"
        return claim | {"outcome": "denied", "status": status, "decided": decided, "category": by_size[0]["category"]}
    status = "paid" if statuses == {"paid"} else "partially_paid"
    return claim | {"outcome": "paid", "status": status, "decided": decided, "category": None}


@dataclass
class Filed:
    """An upload: what it replaced (None: the claim was new), and when it came and went."""

    content: Any
    loaded_at: int
    before: dict[Key, State | None] = field(default_factory=dict)
    undone_at: int | None = None


@dataclass
class Ledger:
    """The claims of one customer."""

    claims: dict[Key, State] = field(default_factory=dict)
    uploads: list[Filed] = field(default_factory=list)
    payers: dict[str, str] = field(default_factory=dict)  # spelling -> payer, by key
    groups: dict[tuple[str, str], str] = field(default_factory=dict)
    clock: int = 0

    def load(self, rows: Sequence[Row], columns: Sequence[str]) -> tuple[int, int, int] | None:
        """Counts of new, updated and unchanged claims; None where the file is loaded already."""
        self.clock += 1
        content = [[cells[name] for name in columns] for cells in rows], tuple(columns)
        same = [upload for upload in self.uploads if upload.content == content and upload.undone_at is None]
        undone = [upload.undone_at for upload in self.uploads if upload.undone_at is not None]
        if same and not any(moment > same[-1].loaded_at for moment in undone):
            return None
        known = [{name: (cells[name] if name in columns else "") for name in cells} for cells in rows]
        keyed = self._by_key(known)
        # Of a file that stands, only what an undo took since comes back.
        kept = self.claims.keys() & keyed.keys() if same else set()
        if same and len(kept) == len(keyed):
            return None
        self.uploads.append(Filed(content, self.clock))
        found = [self._take(key, one_claim(lines), columns) for key, lines in keyed.items() if key not in kept]
        return found.count("new"), found.count("updated"), found.count("unchanged") + len(kept)

    def undo(self, place: int) -> bool:
        """Whether the upload could be taken back."""
        self.clock += 1
        upload = self.uploads[place]
        standing = [other for other in self.uploads if other.undone_at is None and other is not upload]
        changed = any(was and was["upload"] == place for other in standing for was in other.before.values())
        if upload.undone_at is not None or changed:
            return False
        for key, was in upload.before.items():
            if was is None:
                del self.claims[key]
            else:
                self.claims[key] = was
        upload.undone_at = self.clock
        return True

    def map_payer(self, raw: str, payer: str) -> None:
        raw, payer = normalise(raw), normalise(payer)
        self.payers[raw] = payer if raw == payer else self.payers.get(payer, payer)

    def map_cpt_group(self, low: str, high: str, group: str) -> None:
        self.groups[low, high] = group

    def shown(self) -> Counter[tuple[Any, ...]]:
        """The claims as they must be stored, without our own numbers."""
        return Counter(self._shown(key, claim) for key, claim in self.claims.items())

    def _shown(self, key: Key, claim: State) -> tuple[Any, ...]:
        overrides = [(*codes, group) for codes, group in self.groups.items()]
        number = "~" if key[0] == "~" else key[0]
        names = ("service", "billed", "allowed", "paid", "outcome", "status", "decided", "category")
        first = claim["first"]
        payer = self.payers.get(claim["payer"], claim["payer"])
        group = cpt_group(claim["cpt"], overrides)
        return (number, key[1], payer, claim["cpt"], group, *(claim[name] for name in names), *first)

    def _by_key(self, rows: Sequence[Row]) -> dict[Key, list[State]]:
        keyed: dict[Key, list[State]] = defaultdict(list)
        seen: Counter[Any] = Counter()
        for cells in rows:
            key: Key = (cells["number"], cells["submitted"])
            if not cells["number"]:
                # Spellings count as written, cases and spaces too: equal rows are equal in content.
                content = (" ".join(cells["payer"].split()), *sorted(stated(cells).items(), key=str), cells["reason"])
                seen[content, cells["submitted"]] += 1
                key = ("~", cells["submitted"], content, seen[content, cells["submitted"]])
            keyed[key].append(stated(cells))
        return keyed

    def _take(self, key: Key, said: State, columns: Sequence[str]) -> str:
        upload = self.uploads[-1]
        was = self.claims.get(key)
        incoming = (said["outcome"], said["decided"], said["category"])
        if was is None:
            self.claims[key] = said | {"first": incoming, "upload": len(self.uploads) - 1}
            upload.before[key] = None
            return "new"
        unsaid = {name for column, names in SAID_BY.items() if column not in columns for name in names}
        said = {name: was[name] if name in unsaid else value for name, value in said.items()}
        if "reason" not in columns:
            kept = was["category"] or "unknown"
            said["category"] = kept if said["outcome"] == "denied" else None
            incoming = (*incoming[:2], (was["first"][2] or "unknown") if said["outcome"] == "denied" else None)
        if all(said[name] == was[name] for name in said if name != "category" or "reason" in columns):
            return "unchanged"
        upload.before[key] = was
        earlier = was["first"][0] == "pending" or (said["decided"] or "") <= (was["first"][1] or "")
        first = incoming if said["outcome"] != "pending" and earlier else was["first"]
        self.claims[key] = said | {"first": first, "upload": len(self.uploads) - 1}
        return "updated"
