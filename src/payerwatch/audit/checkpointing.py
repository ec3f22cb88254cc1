"""Writing checkpoints after each commit, and the key that signs them."""

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from functools import cache
from pathlib import Path
from weakref import WeakSet

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import connection, transaction

from payerwatch.audit.chain import Head
from payerwatch.audit.verifying.checkpoints import Checkpoint, file_name
from payerwatch.audit.verifying.definition import chain_name
from payerwatch.config.private_files import make_private_directory

logger = logging.getLogger(__name__)
_APPENDING = os.O_APPEND | os.O_CREAT | os.O_RDWR


def checkpoint_directory() -> Path:
    return Path(settings.CHECKPOINT_DIR)


def public_key_path() -> Path:
    """Beside the private key: `checkpoint_key.public.pem`."""
    return Path(settings.CHECKPOINT_KEY).with_suffix(".public.pem")


def make_checkpoint_key() -> bool:
    """Make the key that signs checkpoints, for its owner alone to read, unless there is one; whether it was made.

    Its public key is put beside it, also where a process that made the key was stopped before it came to that.
    """
    path = Path(settings.CHECKPOINT_KEY)
    made = not path.exists() and _make_private_key(path)
    if not public_key_path().exists():
        try:
            _put_public_key_beside(path)
        except (OSError, ValueError):  # of a key that somebody has put there: `check --deploy` says what is wrong
            if made:
                raise
    return made


def _make_private_key(path: Path) -> bool:
    """Whole or not at all, and the first one stays: whether it is this one. The public key of another goes before."""
    make_private_directory(path.parent)
    secret = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    target = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.write(target, secret)
    os.close(target)
    public_key_path().unlink(missing_ok=True)
    made = False
    with suppress(FileExistsError):
        os.link(new, path)
        made = True
    new.unlink()
    return made


def _put_public_key_beside(path: Path) -> None:
    _key.cache_clear()
    public = _key(path).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    new = public_key_path().with_name(f"{public_key_path().name}.{os.getpid()}.new")
    new.write_bytes(public)
    new.replace(public_key_path())


def key_fingerprint() -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the public key's file."""
    return hashlib.sha256(public_key_path().read_bytes()).hexdigest()[:16]


def checkpoint_on_commit(customer: int | None) -> Callable[[Head], None]:
    """Write a checkpoint once the transaction is committed: one for each chain, at its newest entry.

    Called before the entry is appended; what is returned is to be told the head.
    """
    waiting = _Waiting(customer)
    for each in reversed(connection.run_on_commit):
        if isinstance(each[1], _Waiting) and each[1].customer == customer:
            waiting.together = each[1].together
            break
    waiting.together.add(waiting)
    transaction.on_commit(waiting)
    return waiting.tell


class _Waiting:
    """What is called after the commit, unless a savepoint took the entry back: then Django has dropped it."""

    head: Head

    def __init__(self, customer: int | None) -> None:
        self.customer = customer
        self.together: WeakSet[_Waiting] = WeakSet()
        """The others of the transaction and chain that are still to be called."""

    def tell(self, head: Head) -> None:
        self.head = head

    def __call__(self) -> None:
        """The change is committed and stays so whatever happens here."""
        self.together.discard(self)
        if self.together:
            return  # a newer entry's checkpoint vouches for this one too
        write_checkpoint(self.head)


def write_checkpoint(head: Head) -> None:
    """Sign it and write it. Where that cannot be done it is logged, and tried again at night."""
    try:
        _append(_signed(head))
    except (OSError, ValueError) as error:
        logger.error(
            "The checkpoint of entry %d of %s could not be written: %s. Check PAYERWATCH_CHECKPOINT_DIR and the "
            "key that `payerwatch migrate` makes; the next entry's checkpoint vouches for this one too.",
            head.position, chain_name(head.customer), error,
        )  # fmt: skip


def _signed(head: Head) -> Checkpoint:
    at = head.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    unsigned = Checkpoint(chain_name(head.customer), head.position, head.digest.hex(), at)
    return unsigned._replace(signature=signature(unsigned.signed_bytes()))


def signature(said: bytes) -> str:
    """With the key of checkpoints, in hexadecimal. Raises OSError or ValueError where there is no such key."""
    return _key(settings.CHECKPOINT_KEY).sign(said).hex()


@cache
def _key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} is under a password, or of a kind that is not known") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is no Ed25519 key")
    return key


def _append(checkpoint: Checkpoint) -> None:
    """One write of one short line, so that lines of several processes do not mix; apart from one that was torn."""
    directory, line = settings.CHECKPOINT_DIR, checkpoint.line().encode()
    path = f"{directory}/{file_name(checkpoint.chain, checkpoint.at)}"
    try:
        target = os.open(path, _APPENDING, 0o600)
    except FileNotFoundError:
        make_private_directory(checkpoint_directory())
        target = os.open(path, _APPENDING, 0o600)
    try:
        size = os.fstat(target).st_size
        if size and os.pread(target, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(target, line) < len(line):
            raise OSError(f"{path} took only a part of the line")
    finally:
        os.close(target)
