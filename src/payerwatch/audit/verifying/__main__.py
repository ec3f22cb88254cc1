"""`python -m payerwatch.audit.verifying EXPORT [--checkpoints DIR] [--public-key FILE]`

Exit code 0: every entry is as it was written, which a signature shows. 1: something is not, and the first bad entry is
named. 2: usage. 3: the entries fit together, but without the key nothing shows who wrote them.
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payerwatch.audit.verifying.checkpoints import Checkpoint, NoPublicKey, read_checkpoints, read_public_key
from payerwatch.audit.verifying.definition import GENESIS, customer_of_chain
from payerwatch.audit.verifying.diagnosis import Problem
from payerwatch.audit.verifying.exported import ExportReader, NotAnExport, checkpoint_of, is_signed
from payerwatch.audit.verifying.walking import Claimed, Verdict, verify

STANDS, BROKEN, NOT_SHOWN = 0, 1, 3


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    try:
        key = read_public_key(options.public_key) if options.public_key else None
        with options.export.open(encoding="utf-8") as lines:
            proof = _proof(lines)
            lines.seek(0)
            verdict = _verify(ExportReader(lines), proof, options.checkpoints, key)
    except (OSError, NoPublicKey, NotAnExport, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return BROKEN
    sys.stdout.write(_in_words(verdict, proof, key) + "\n")
    if not verdict.stands:
        return BROKEN
    return STANDS if key else NOT_SHOWN


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("payerwatch.audit.verifying", description="Verify an export of the record.")
    parser.add_argument("export", type=Path, metavar="EXPORT", help="JSON Lines or CSV")
    parser.add_argument("--checkpoints", type=Path, metavar="DIR", help="a copy of the signed checkpoints")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="a copy of the key, kept elsewhere")
    return parser.parse_args(arguments)


def _proof(lines: Iterable[str]) -> dict[str, Any]:
    """The proof, from the last line. Raises NotAnExport."""
    reader = ExportReader(deque(lines, maxlen=1))
    for _ in reader:
        raise NotAnExport("There is no proof on the last line: the file was cut.")
    return reader.proof


def _verify(
    entries: ExportReader, proof: dict[str, Any], directory: Path | None, key: Ed25519PublicKey | None
) -> Verdict:
    """The entries against the proof's range and ends, and against all checkpoints within the range.

    With a key the proof must be signed with it, or else a checkpoint of the last entry.
    """
    try:
        first, last, chain = int(proof["first"]), int(proof["last"]), str(proof["chain"])
        previous = GENESIS if first == 1 else bytes.fromhex(proof["previous"])
        known = [*checkpoint_of(proof), *(read_checkpoints(directory, chain) if directory else [])]
        signed = key is not None and is_signed(proof, key)
        claimed = Claimed(customer_of_chain(chain), first, previous, (last, bytes.fromhex(proof["digest"])))
    except (KeyError, TypeError, ValueError):
        raise NotAnExport("The proof on the last line cannot be read.") from None
    verdict = verify(entries, claimed, _within(known, last), key)
    if key is not None and verdict.stands and not signed and (verdict.vouched_until < last or first > last):
        verdict.problems.append(Problem("unvouched", last, "is vouched for by neither the proof nor a checkpoint"))
    return verdict


def _within(known: list[Checkpoint], last: int) -> list[Checkpoint]:
    return [each for each in known if each.position <= last]


def _in_words(verdict: Verdict, proof: dict[str, Any], key: Ed25519PublicKey | None) -> str:
    if not verdict.stands:
        return "\n".join(f"{verdict.chain}: {problem.in_words()}" for problem in verdict.problems)
    found = f"{verdict.chain}: {verdict.entries:,} entries{_range(proof)}"
    if key is None:
        return (
            f"{found}, which fit together. Whoever wrote the file may have written them all: signatures were not "
            f"checked. Name the key with --public-key."
        )
    return f"{found}, each as it was written, as the signature at the end shows."


def _range(proof: dict[str, Any]) -> str:
    return f" ({proof['first']:,} to {proof['last']:,})" if proof["first"] <= proof["last"] else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
