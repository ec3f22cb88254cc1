"""`payerwatch verify_audit [--customer NAME] [--checkpoints DIR] [--public-key FILE] [--unvouched]`"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.all_chains import all_chains, missing_customers
from payerwatch.audit.checkpointing import checkpoint_directory, public_key_path
from payerwatch.audit.queries import keys_made_later
from payerwatch.audit.stored import verify_stored
from payerwatch.audit.verifying.checkpoints import NoPublicKey, read_public_key
from payerwatch.audit.verifying.diagnosis import Problem
from payerwatch.audit.verifying.walking import Verdict
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.refusals import Refusal
from payerwatch.tenancy.queries import customer_named


class RecordBroken(Refusal):
    """The record of what was done is not as it was written; the first bad entry is named."""

    def __init__(self, told: list[dict[str, Any]], lines: list[str]) -> None:
        super().__init__(
            lines[0],
            where="\n".join(lines[1:]),
            fix="Keep the database and the checkpoints as they are, and find out who could write to them.",
        )
        self._told = told

    def document(self) -> dict[str, Any]:
        return super().document() | {"chains": self._told}


class PublicKeyUnreadable(Refusal):
    """The key that checkpoints are verified with cannot be read."""


class Command(PayerwatchCommand):
    help = "Verify the record of what was done: every entry, and the signed checkpoints outside the database."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--customer", metavar="NAME", help="only this customer's (default: all, and the installation's)"
        )
        parser.add_argument("--checkpoints", type=Path, metavar="DIR", help="a copy of the signed checkpoints")
        parser.add_argument("--public-key", type=Path, metavar="FILE", help="a copy of the key, kept elsewhere")
        parser.add_argument("--unvouched", action="store_true", help="chains without any checkpoint may stand")

    def answer(self, **options: Any) -> Answer:
        directory = options["checkpoints"] or checkpoint_directory()
        key = _key(options["public_key"] or public_key_path())
        called = all_chains(directory)
        chains = [*called] if options["customer"] is None else [customer_named(options["customer"]).pk]
        verdicts = {chain: _verdict(chain, called, directory, key, **options) for chain in chains}
        told = [_told(verdict, called[chain]) for chain, verdict in verdicts.items()]
        broken = [
            f"{called[chain]}: {problem.in_words()}"
            for chain, verdict in verdicts.items()
            for problem in verdict.problems
        ]
        if broken:
            raise RecordBroken(told, broken)
        warnings = [f"{each['name']}: {problem['in_words']}" for each in told for problem in each["warnings"]]
        keys = [
            f"A new key for checkpoints was made ({entry.public_id} of the installation)" for entry in keys_made_later()
        ]
        return Answer({"chains": told}, "\n".join(_line(each) for each in told), [*map(escape, warnings), *keys])


def _verdict(
    chain: int | None, called: dict[int | None, str], directory: Path, key: Any, *, unvouched: bool, **_options: Any
) -> Verdict:
    verdict = verify_stored(chain, [each for each in called if each != chain], directory, key)
    if chain is None:
        verdict.problems += missing_customers()
    verdict.problems = [each for each in verdict.problems if not (unvouched and each.kind == "unvouched")]
    return verdict


def _key(path: Path) -> Any:
    try:
        return read_public_key(path)
    except (OSError, NoPublicKey) as error:
        raise PublicKeyUnreadable(
            f"{path} cannot be read as a public key ({type(error).__name__}).",
            fix="payerwatch migrate makes the key; --public-key names a copy.",
        ) from None


def _told(verdict: Verdict, name: str) -> dict[str, Any]:
    return {
        "chain": verdict.chain,
        "name": name,
        "entries": verdict.length,
        "good": verdict.entries,
        "vouched_until": verdict.vouched_until,
        "unvouched": verdict.length - verdict.vouched_until,
        "problems": list(map(_problem, verdict.problems)),
        "warnings": list(map(_problem, verdict.warnings)),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind,
        "position": problem.position,
        "says": problem.says,
        "in_words": problem.in_words(),
    }


def _line(told: dict[str, Any]) -> str:
    vouched = f"signed checkpoints vouch for the first {told['vouched_until']:,}"
    after = f", for the {told['unvouched']:,} after it none does" if told["unvouched"] else ""
    return f"{escape(told['name'])}: {told['entries']:,} entries, each as it was written; {vouched}{after}."
