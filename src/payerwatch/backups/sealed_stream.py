"""A file that is sealed piece by piece, so that none of it need be in memory and nothing of it can be changed.

The STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár: Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance, CRYPTO 2015), as age has it, with AES-256-GCM:

1. The file begins with a magic word, its format (2 bytes), 32 random bytes, and 16 bytes that tell the key.
2. A key of this file alone is derived by HKDF-SHA-256 from the installation's and the random bytes.
3. Pieces of 1 MiB, the last one shorter, are sealed under it. A nonce is the piece's number (11 bytes) and whether
   it is the last (1 byte): so none can be left out, moved, doubled, or taken from another file. All before them is
   authenticated with each.
"""

import hmac
import io
import os
from collections.abc import Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from payerwatch.backups.refusals import (
    BackupChanged,
    BackupFormatUnknown,
    BackupUnderAnotherKey,
    BackupUnreadable,
)

FORMAT = 1
PIECE = 1024 * 1024
_MAGIC = b"Payerwatch backup\n"
_RANDOM, _TELLS_KEY, _TAG = 32, 16, 16
_HEAD = len(_MAGIC) + 2 + _RANDOM + _TELLS_KEY


class SealingWriter:
    """Seals what is written to it. Without `finish` the file is one that was cut."""

    def __init__(self, target: BinaryIO, key: bytes) -> None:
        self._target = target
        salt = os.urandom(_RANDOM)
        self._head = _MAGIC + FORMAT.to_bytes(2, "big") + salt + _derived(key, salt, "tells the key", _TELLS_KEY)
        self._cipher = AESGCM(_derived(key, salt, "seals pieces", 32))
        self._number = 0
        self._waiting = bytearray()
        target.write(self._head)

    def write(self, content: bytes) -> int:
        """A whole piece waits until something follows it: it might be the last."""
        self._waiting += content
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(content)

    def finish(self) -> None:
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, self._head))
        self._number += 1


class SealedReader(io.RawIOBase):
    """What was sealed, piece by piece; each is authentic when it is given, and the end is the true one."""

    def __init__(self, source: BinaryIO, keys: Sequence[bytes]) -> None:
        """`keys` are tried in turn. Raises BackupUnreadable, BackupFormatUnknown or BackupUnderAnotherKey."""
        self._source = source
        self._head = _read_head(source)
        salt, tells = self._head[-_RANDOM - _TELLS_KEY : -_TELLS_KEY], self._head[-_TELLS_KEY:]
        own = (key for key in keys if hmac.compare_digest(tells, _derived(key, salt, "tells the key", _TELLS_KEY)))
        key = next(own, None)
        if key is None:
            raise BackupUnderAnotherKey
        self._cipher = AESGCM(_derived(key, salt, "seals pieces", 32))
        self._number = 0
        self._opened = memoryview(b"")
        self._following = source.read(PIECE + _TAG)
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Raises BackupChanged."""
        if not self._opened and not self._ended:
            self._opened = memoryview(self._open_next())
        taken = min(len(buffer), len(self._opened))
        buffer[:taken] = self._opened[:taken]
        self._opened = self._opened[taken:]
        return taken

    def _open_next(self) -> bytes:
        sealed, self._following = self._following, self._source.read(PIECE + _TAG)
        self._ended = not self._following
        opened = self._try(sealed, last=self._ended)
        if opened is None:
            raise BackupChanged(self._what_happened(sealed), _HEAD + self._number * (PIECE + _TAG))
        self._number += 1
        return opened

    def _try(self, sealed: bytes, *, last: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(_nonce(self._number, last=last), sealed, self._head)
        except (InvalidTag, ValueError):  # the latter where it is shorter than a tag
            return None

    def _what_happened(self, sealed: bytes) -> str:
        if self._try(sealed, last=not self._ended) is not None:
            return "its end is missing" if self._ended else "something was appended"
        return "its end is missing or was changed" if self._ended else "bytes were changed or moved"


def _read_head(source: BinaryIO) -> bytes:
    head = source.read(_HEAD)
    if not head.startswith(_MAGIC) or len(head) < _HEAD:
        raise BackupUnreadable("The file is no backup of Payerwatch.", fix="Name a file that payerwatch backup wrote.")
    version = int.from_bytes(head[len(_MAGIC) : len(_MAGIC) + 2], "big")
    if version != FORMAT:
        raise BackupFormatUnknown(version)
    return head


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _derived(key: bytes, salt: bytes, use: str, length: int) -> bytes:
    return HKDF(SHA256(), length=length, salt=salt, info=f"payerwatch backup {FORMAT}\x1f{use}".encode()).derive(key)
