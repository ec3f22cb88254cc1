"""One pass over a file's bytes: what it is, its digest and its encoding. Memory does not grow with the file."""

import codecs
import hashlib
from dataclasses import dataclass

from payerwatch.claims.formats.lines import Source
from payerwatch.claims.formats.refusals import (
    EncodingBroken,
    FileCutShort,
    FileEmpty,
    LineTooLong,
    NotDelimitedText,
    X12File,
)

MAX_LINE_BYTES = 1 << 20
_HEAD_BYTES = 1 << 16
_BINARY_SHARE = 0.1

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "Open it, save the sheet of claims as CSV, and load that."),
    (b"PK\x05\x06", "an empty zip archive", "Export the claims again as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls)", "Open it, save the sheet of claims as CSV, and load that."),
    (b"%PDF", "a PDF document", "Export the claims as CSV instead of printing them."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and load the file inside."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and load the file inside."),
    (b"Rar!", "a RAR archive", "Unpack it and load the file inside."),
    (b"PAR1", "a Parquet file", "Export the claims as CSV."),
    (b"\x89PNG", "a picture", "Export the claims as CSV."),
    (b"\xff\xd8\xff", "a picture", "Export the claims as CSV."),
)
_TEXT_SIGNATURES = (
    (("<html", "<!doctype", "<table"), "a web page", "Export the claims as CSV instead of saving the page."),
    (("<?xml",), "an XML document", "Export the claims as CSV."),
    (("{\\rtf",), "a word processor's document", "Export the claims as CSV."),
    (('{"', "[{"), "JSON", "Export the claims as CSV."),
)


@dataclass(frozen=True)
class Scan:
    """What one pass learnt: SHA-256 of the bytes (hex), size in bytes, Python name of the encoding."""

    digest: str
    size_bytes: int
    encoding: str


def scan_file(path: Source) -> Scan:
    """Hash the file and settle its encoding; refuse what is not text in rows of bounded length."""
    size = 0
    digest = hashlib.sha256()
    lines = _LineLengths()
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        encoding = encoding_of_head(head)
        check = _EncodingCheck(encoding)
        chunk = head
        while chunk:
            size += len(chunk)
            digest.update(chunk)
            lines.feed(chunk)
            check.feed(chunk)
            chunk = file.read(MAX_LINE_BYTES)
    return Scan(digest.hexdigest(), size, check.finish())


def scan_json_lines(path: Source) -> Scan:
    """Hash the file; refuse what is empty or has a line that is longer than any row. Each line says itself whether it
    is UTF-8."""
    size = 0
    digest = hashlib.sha256()
    lines = _LineLengths()
    with path.open("rb") as file:
        while chunk := file.read(MAX_LINE_BYTES):
            if not size:
                _refuse_empty(chunk)
            size += len(chunk)
            digest.update(chunk)
            lines.feed(chunk)
    if not size:
        _refuse_empty(b"")
    return Scan(digest.hexdigest(), size, "utf-8")


def encoding_of_head(head: bytes) -> str:
    """The encoding the first bytes promise; `utf-8` where it is still to be confirmed."""
    _refuse_empty(head)
    _refuse_other_kinds(head)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            _refuse_other_text(head.decode(name, errors="ignore"))
            return name
    encoding = _encoding_without_mark(head)
    _refuse_other_text(head.decode(encoding, errors="ignore"))
    return encoding


def _refuse_empty(head: bytes) -> None:
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise FileEmpty("The file is empty", fix="Export the claims again.")


def _encoding_without_mark(head: bytes) -> str:
    half = max(1, len(head) // 2)
    high, low = head[0::2].count(0) / half, head[1::2].count(0) / half
    if low > 0.4 and high < 0.2:
        return "utf-16-le"
    if high > 0.4 and low < 0.2:
        return "utf-16-be"
    if head.count(0) / len(head) > _BINARY_SHARE:
        raise NotDelimitedText("The file is not text", fix="Export the claims as CSV.")
    return "utf-8"


def _refuse_other_kinds(head: bytes) -> None:
    for signature, kind, fix in _SIGNATURES:
        if head.startswith(signature):
            raise NotDelimitedText(f"The file is {kind}, not CSV", fix=fix)


def _refuse_other_text(head: str) -> None:
    start = head[:200].lstrip("\ufeff \t\r\n")
    if start[:3] == "ISA" and len(start) > 3 and not start[3].isalnum():
        raise X12File("The file is X12, not CSV", where="it begins with ISA", fix="Load it as X12.")
    if start[:2] in {"ST", "GS"} and len(start) > 2 and start[2] in "*|^~>:":
        raise X12File("The file is X12 without its envelope, not CSV", fix="Load it as X12.")
    for openings, kind, fix in _TEXT_SIGNATURES:
        if start.lower().startswith(openings):
            raise NotDelimitedText(f"The file is {kind}, not CSV", fix=fix)


class _LineLengths:
    """Refuses a line longer than `MAX_LINE_BYTES`; needs chunks no longer than that."""

    def __init__(self) -> None:
        self._open_bytes = 0
        self._ended = 0

    def feed(self, chunk: bytes) -> None:
        ends = [at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0]
        self._open_bytes += min(ends, default=len(chunk))
        if self._open_bytes > MAX_LINE_BYTES:
            raise LineTooLong(
                f"Line {self._ended + 1} is longer than 1 MiB",
                where=f"line {self._ended + 1}",
                fix="Export again with one row per claim; the line ends may have been lost.",
            )
        if ends:
            self._ended += max(chunk.count(b"\n"), chunk.count(b"\r"))
            self._open_bytes = len(chunk) - max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) - 1


class _EncodingCheck:
    """Decodes as it goes, so that the encoding holds for the whole file and not for its beginning."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._plain = encoding == "utf-8"
        self._is_utf8 = True
        self._outside_cp1252 = False

    def feed(self, chunk: bytes) -> None:
        if self._plain and chunk.isascii() and not self._decoder.getstate()[0]:
            return
        if self._plain:
            self._outside_cp1252 |= any(byte in chunk for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))
        if not self._is_utf8:
            return
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError:
            self._failed()

    def _failed(self) -> None:
        if not self._plain:
            raise EncodingBroken(
                f"The file begins as {self._encoding} and then holds bytes that are not",
                fix="Export the claims again as UTF-8.",
            ) from None
        self._is_utf8 = False

    def finish(self) -> str:
        """The name of the encoding, once the last chunk was fed."""
        if not self._is_utf8:
            return "latin-1" if self._outside_cp1252 else "cp1252"
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileCutShort(
                "The file ends in the middle of a character: it was cut short",
                where="the last line",
                fix="Copy or export the file again.",
            ) from None
        return self._encoding
