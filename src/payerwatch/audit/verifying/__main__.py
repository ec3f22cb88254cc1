"""`python -m payerwatch.audit.verifying EXPORT.jsonl [--checkpoints DIR] [--public-key FILE]`

Exit code 0: every entry is as it was written. 1: something is not, and the first bad entry is named. 2: usage.
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as joined
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payerwatch.audit.verifying.checkpoints import Checkpoint, NoPublicKey, read_checkpoints, read_public_key
from payerwatch.audit.verifying.definition import GENESIS, StoredEntry, customer_of_chain
from payerwatch.audit.verifying.exported import ExportReader, NotAnExport, checkpoint_of
from payerwatch.audit.verifying.walking import Claimed, Verdict, verify


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
        return 1
    sys.stdout.write(_in_words(verdict, key) + "\n")
    return 0 if verdict.stands else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("payerwatch.audit.verifying", description="Verify an export of the record.")
    parser.add_argument("export", type=Path, metavar="EXPORT.jsonl")
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
    """The entries against the proof's range and head, and against all checkpoints within the range."""
    following = iter(entries)
    begin = next(following, None)
    try:
        first, last, chain, head = proof["first"], proof["last"], proof["chain"], proof["head"]
        ends = (last, bytes.fromhex(head["digest"]) if first <= last == head["length"] else None)
        known = [*checkpoint_of(proof), *(read_checkpoints(directory, chain) if directory else [])]
    except (KeyError, TypeError, ValueError):
        raise NotAnExport("The proof on the last line cannot be read.") from None
    claimed = Claimed(customer_of_chain(chain), first, begin.previous if begin and first > 1 else GENESIS, ends)
    return verify(_up_to(begin, following), claimed, _within(known, last), key)


def _up_to(begin: StoredEntry | None, following: Iterator[StoredEntry]) -> Iterator[StoredEntry]:
    return joined([] if begin is None else [begin], following)


def _within(known: list[Checkpoint], last: int) -> list[Checkpoint]:
    return [each for each in known if each.position <= last]


def _in_words(verdict: Verdict, key: Ed25519PublicKey | None) -> str:
    if not verdict.stands:
        return "\n".join(f"{verdict.chain}: {problem.in_words()}" for problem in verdict.problems)
    vouched = f"checkpoints vouch for those up to entry {verdict.vouched_until:,}"
    unchecked = "" if key else " Their signatures were not checked: name the key with --public-key."
    return f"{verdict.chain}: {verdict.entries:,} entries, each as it was written; {vouched}.{unchecked}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
