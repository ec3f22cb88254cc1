"""A database at one moment: what it holds in numbers, and as bytes."""

from collections.abc import Iterator
from typing import NamedTuple

from payerwatch.backups.manifest import Manifest


class Snapshot(NamedTuple):
    manifest: Manifest
    blocks: Iterator[bytes]
    size: int
    """About how many bytes there will be."""
