"""Why a claims file was refused. Messages hold names of columns, never the content of a cell."""

from payerwatch.refusals import Refusal


class FileRefused(Refusal):
    """The file cannot be loaded; nothing of it was stored."""


class FileEmpty(FileRefused):
    """The file has no content."""


class HeaderOnly(FileRefused):
    """The file has a header and no rows."""


class HeaderMissing(FileRefused):
    """The first row holds data, or no row names the columns."""


class JsonObjectMissing(FileRefused):
    """No line of the JSON lines is an object that says anything."""


class NotDelimitedText(FileRefused):
    """The file is a workbook, an archive, a document or otherwise not rows of text."""


class X12File(FileRefused):
    """The file is X12 (835, 837 or the like), not CSV."""


class FileCutShort(FileRefused):
    """The file ends in the middle of a character."""


class EncodingBroken(FileRefused):
    """The file begins as UTF-16 or UTF-32 and then is not."""


class LineTooLong(FileRefused):
    """A line is longer than any row of claims."""


class TooManyColumns(FileRefused):
    """The header has more columns than any export of claims."""


class ColumnMissing(FileRefused):
    """No column was found for something every claim needs; `fields` are those."""

    def __init__(self, message: str, *, where: str = "", fix: str = "", fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, where=where, fix=fix)
        self.fields = fields


class ColumnAmbiguous(FileRefused):
    """Two columns are equally likely for one meaning."""


class MappingInvalid(FileRefused):
    """The mapping names something that is not a field or not a column."""


class MappedColumnHoldsIdentifiers(FileRefused):
    """A column the mapping asks for holds e-mail addresses, phone or social security numbers."""


class DateOrderInvalid(FileRefused):
    """The date order asked for is not one of mdy, dmy, ymd."""


class DateOrderAmbiguous(FileRefused):
    """Nothing in the file says whether the day or the month comes first."""


class DateOrderContradictory(FileRefused):
    """Some dates prove that the day comes first and others that the month does."""
