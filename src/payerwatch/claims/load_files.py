"""The files a load is given: the claims file to read, and the one for rows set aside."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from payerwatch.claims.formats.csv import ClaimsFile
from payerwatch.claims.formats.setaside import SetAsideWriter
from payerwatch.refusals import Refusal


class FileNotReadable(Refusal):
    """The file is not there, is a directory or a pipe, or may not be read."""


class SetAsideNotWritable(Refusal):
    """The file for rows set aside cannot be written there."""


def refuse_unusable_paths(path: Path, target: Path | None) -> None:
    """Before anything is asked of the database. Raises FileNotReadable or SetAsideNotWritable."""
    try:
        if path.exists() and not path.is_file():
            kind = "a directory" if path.is_dir() else "no ordinary file"
            raise FileNotReadable(f"{path} is {kind}", fix="Name the claims file itself, saved on disk.")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise FileNotReadable(f"{path} cannot be read: {_why(error)}", fix="Check the path and try again.") from None
    if target is not None and target.exists() and target.samefile(path):
        raise SetAsideNotWritable(
            "--set-aside names the claims file itself, which would be overwritten", fix="Name another file."
        )


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "the path is not one"


@contextmanager
def set_aside_file(path: Path | None, file: ClaimsFile) -> Iterator[SetAsideWriter | None]:
    """What writes rows set aside to this file, or None where none was asked for. Raises SetAsideNotWritable."""
    if path is None:
        yield None
        return
    target = _SetAsideFile(path)
    try:
        yield SetAsideWriter(cast(TextIO, target), file.kept_columns)
    finally:
        target.close()


class _SetAsideFile:
    """The file for rows set aside. A full disk may show on writing or only on closing: SetAsideNotWritable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("w", encoding="utf-8-sig", newline="")
        except (OSError, ValueError) as error:
            raise self._refusal(error) from None

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError as error:
            raise self._refusal(error) from None

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: OSError | ValueError) -> SetAsideNotWritable:
        return SetAsideNotWritable(
            f"{self._path} cannot be written: {_why(error)}",
            where="--set-aside",
            fix="Name a file in a directory that exists, on a disk with room for it.",
        )
