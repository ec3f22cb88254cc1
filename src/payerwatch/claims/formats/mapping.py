"""Settling which column means what: what was asked for, what was remembered, then the guess."""

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from payerwatch.claims.formats.header_words import FIELD_ALIASES, FIELDS, MEANINGS, REQUIRED
from payerwatch.claims.formats.headers import guess_columns, name_weight, recognised_fields
from payerwatch.claims.formats.privacy import holds_identifiers, holds_persons, is_personal_header
from payerwatch.claims.formats.refusals import (
    ColumnAmbiguous,
    ColumnMissing,
    MappedColumnHoldsIdentifiers,
    MappingInvalid,
)
from payerwatch.claims.formats.setaside import added_columns

_SHOWN_COLUMNS = 30


@dataclass(frozen=True)
class ColumnChoice:
    """Positions of columns per field, confidence (0 to 1) of each, and positions of columns dropped as personal.

    `unmapped` are the fields that were said to be absent.
    """

    columns: dict[str, int]
    confidence: dict[str, float]
    dropped: list[int] = field(default_factory=list)
    unmapped: frozenset[str] = frozenset()


def header_signature(columns: Sequence[str]) -> str:
    """A digest of the header that survives changes of case, spacing and punctuation.

    Columns whose header promises patients' data, and those added to rows set aside, are not in it: the rows of a
    file given back to be corrected have the signature of the file they came from.
    """
    added = added_columns(columns)
    own = [column for at, column in enumerate(columns) if at not in added and not is_personal_header(column)]
    plain = "\x1f".join(re.sub(r"[^a-z0-9#]+", " ", column.lower()).strip() for column in own)
    return hashlib.sha256(plain.encode()).hexdigest()


def canonical_field(name: str) -> str:
    """The field a key of a mapping means. Raises MappingInvalid, which names the nearest."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    if plain in FIELDS:
        return plain
    if plain in FIELD_ALIASES:
        return FIELD_ALIASES[plain]
    near = difflib.get_close_matches(plain, FIELDS, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise MappingInvalid(
        "The mapping has a key that is no field", where="--mapping", fix=f"{hint}Fields: {', '.join(FIELDS)}."
    )


def choose_columns(
    columns: Sequence[str], samples: Sequence[Sequence[str]], asked: Mapping[str, str | None]
) -> ColumnChoice:
    """Columns for the fields, those asked for first; personal columns are never guessed.

    Raises MappingInvalid, MappedColumnHoldsIdentifiers, ColumnAmbiguous and ColumnMissing.
    """
    explicit = _positions_asked(asked, columns)
    given = {name: at for name, at in explicit.items() if at is not None}
    _refuse_identifiers(given, columns, samples)
    personal = [
        at
        for at, column in enumerate(columns)
        if at not in given.values() and (is_personal_header(column) or holds_identifiers(samples[at]))
    ]
    left_out = {*personal, *given.values(), *added_columns(columns)}
    usable = [at for at in range(len(columns)) if at not in left_out]
    guess = guess_columns(columns, samples, usable)
    guessed = {name: at for name, at in guess.columns.items() if name not in explicit}
    chosen = {name: {**guessed, **given}[name] for name in FIELDS if name in guessed or name in given}
    unmapped = frozenset(name for name, at in explicit.items() if at is None)
    _refuse_rivals({name: at for name, at in guess.rivals.items() if name in guessed}, chosen, columns)
    _refuse_missing(chosen, unmapped, columns, personal)
    persons = [at for at in usable if at not in chosen.values() and holds_persons(samples[at])]
    confidence = {name: 1.0 if name in given else guess.confidence[name] for name in chosen}
    return ColumnChoice(chosen, confidence, sorted(personal + persons), unmapped)


def with_remembered(
    asked: Mapping[str, str | None], remembered: Mapping[str, str | None], columns: Sequence[str]
) -> dict[str, str | None]:
    """What was asked for, and of what was remembered that which speaks of no field and no column asked for.

    A remembered column that the file lacks is left out too. Raises MappingInvalid.
    """
    merged = {canonical_field(key): name for key, name in asked.items()}
    taken = set(_positions_asked(asked, columns).values()) - {None}
    for field_name, name in remembered.items():
        at = None if name is None else _found(name, columns)
        if field_name not in merged and (name is None or (at is not None and at not in taken)):
            merged[field_name] = name
            taken.add(at)
    return merged


def _positions_asked(asked: Mapping[str, str | None], columns: Sequence[str]) -> dict[str, int | None]:
    """Positions of columns by field. Raises MappingInvalid where two entries contradict each other."""
    keys: dict[str, str] = {}
    fields: dict[int, str] = {}
    positions: dict[str, int | None] = {}
    for key, name in asked.items():
        meant, at = canonical_field(key), _position(name, columns)
        if meant in keys:
            raise MappingInvalid(
                f'"{keys[meant]}" and "{key}" both mean {meant}', where="--mapping", fix=f"Name {meant} once."
            )
        if at is not None and at in fields:
            raise MappingInvalid(
                f'The mapping names column "{columns[at]}" for both {fields[at]} and {meant}',
                where="--mapping",
                fix="Name another column for one of them, or null if the file does not have it.",
            )
        keys[meant] = key
        positions[meant] = at
        if at is not None:
            fields[at] = meant
    return positions


def _found(name: str, columns: Sequence[str]) -> int | None:
    if name in columns:
        return columns.index(name)
    plain = [_plain(column) for column in columns]
    return plain.index(_plain(name)) if plain.count(_plain(name)) == 1 else None


def _position(name: str | None, columns: Sequence[str]) -> int | None:
    if name is None:
        return None
    at = _found(str(name), columns)
    if at is not None:
        return at
    plain = [_plain(column) for column in columns]
    near = difflib.get_close_matches(_plain(str(name)), plain, n=3, cutoff=0.5)
    offered = [columns[plain.index(match)] for match in near] or list(columns)
    raise MappingInvalid(
        f'The mapping names "{name}", and the file has no such column',
        where="--mapping",
        fix=f"{'Nearest' if near else 'The columns are'}: {_shown(offered, columns)}.",
    )


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _shown(names: Sequence[str], columns: Sequence[str]) -> str:
    """Names of columns for a message; none where the row is so strange that it may be data."""
    if recognised_fields(columns) < 2:
        return "(not shown: the header may be data)"
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return ", ".join(names[:_SHOWN_COLUMNS]) + more


def _said_of(personal: Sequence[int], columns: Sequence[str]) -> str:
    if not personal or recognised_fields(columns) < 2:
        return ""
    return f"; left out as patients' data: {', '.join(columns[at] for at in personal[:_SHOWN_COLUMNS])}"


def _refuse_identifiers(given: Mapping[str, int], columns: Sequence[str], samples: Sequence[Sequence[str]]) -> None:
    for name, at in given.items():
        if holds_identifiers(samples[at]):
            raise MappedColumnHoldsIdentifiers(
                f'Column "{columns[at]}", mapped to {name}, holds e-mail addresses, phone or social security numbers',
                where=f'column "{columns[at]}"',
                fix=f"Map {name} to another column, or to null.",
            )


def _refuse_rivals(rivals: Mapping[str, Sequence[int]], chosen: Mapping[str, int], columns: Sequence[str]) -> None:
    for name, others in rivals.items():
        names = [columns[at] for at in (chosen[name], *others)]
        choices = " or ".join("--mapping '" + json.dumps({name: column}) + "'" for column in names[:2])
        raise ColumnAmbiguous(
            f"Columns {_quoted(names)} may both be {MEANINGS[name]} ({name})",
            where="the header",
            fix=f"Choose with {choices}.",
        )


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f'"{name}"' for name in names)


def _refuse_missing(
    chosen: Mapping[str, int], unmapped: frozenset[str], columns: Sequence[str], personal: Sequence[int]
) -> None:
    excused = unmapped & {"decided_date"}
    missing = [name for name in REQUIRED if name not in chosen and name not in excused]
    if not missing:
        return
    wanted = " and ".join(f"{MEANINGS[name]} ({name})" for name in missing)
    seen = _shown(columns, columns) + _said_of(personal, columns)
    raise ColumnMissing(
        f"No column was found for {wanted}. Columns in the file: {seen}",
        where="the header",
        fix=_mapping_to_try(missing, chosen, columns),
        fields=tuple(missing),
    )


def _mapping_to_try(missing: Sequence[str], chosen: Mapping[str, int], columns: Sequence[str]) -> str:
    shown = recognised_fields(columns) >= 2
    mapping: dict[str, str | None] = {}
    for name in REQUIRED:
        if name in chosen:
            mapping[name] = columns[chosen[name]]
        elif name == "decided_date":
            mapping[name] = None
        else:
            mapping[name] = _nearest(name, chosen, columns) if shown else "<column>"
    text = "--mapping '" + json.dumps(mapping, ensure_ascii=False).replace("'", "'\\''") + "'"
    if list(missing) == ["decided_date"]:
        return f"Name it with --mapping, or load what can be with {text}: without it only pending rows load."
    return f"Export the file with it, or name it: {text}."


def _nearest(name: str, chosen: Mapping[str, int], columns: Sequence[str]) -> str:
    free = [column for at, column in enumerate(columns) if at not in chosen.values()]
    best = max(free, key=lambda column: name_weight(name, column), default="")
    if best and name_weight(name, best) > 0:
        return best
    if name == "submitted_date" and "service_date" in chosen:
        return columns[chosen["service_date"]]
    return f"<column with {MEANINGS[name]}>"
