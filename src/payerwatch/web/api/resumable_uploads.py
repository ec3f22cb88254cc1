"""`uploads/resumable/`: a file in slices by the tus protocol 1.0 (core, creation, termination, expiration)."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, ClassVar

from django.conf import settings
from django.utils.http import http_date
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch import receiving
from payerwatch.claims.arrivals import (
    KEPT_HALF_SENT,
    Asked,
    FileTooLarge,
    OffsetWrong,
    SliceTooLong,
    TooManyUploadsWaiting,
    UploadComplete,
)
from payerwatch.claims.formats.dates import DATE_ORDERS
from payerwatch.claims.models import Upload
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal
from payerwatch.web import http_refusals as http
from payerwatch.web.api.fields import ColumnMapping
from payerwatch.web.api.filtering import refuse_unless_valid
from payerwatch.web.api.header_fields import HeaderField, number, text
from payerwatch.web.api.resource import NOTHING, Gives, Resource
from payerwatch.web.problems import TusVersionNotSpoken

TUS, EXTENSIONS = "1.0.0", "creation,termination,expiration"
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)


class HeaderUnusable(Refusal):
    """A header that the request needs is missing or cannot be read."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The header {name} is missing or cannot be read.", fix="See the tus protocol 1.0, and this API's document."
        )


class FileTold(serializers.Serializer):
    """What Upload-Metadata says of the file."""

    filename = serializers.CharField(max_length=255)
    mapping = ColumnMapping(required=False)
    date_order = serializers.ChoiceField(DATE_ORDERS, required=False)


class PlainBytes(BaseParser):
    """A slice: bytes that are not looked into."""

    media_type = "application/offset+octet-stream"

    def parse(  # type: ignore[override]
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return stream.read()


_VERSION = HeaderField("Tus-Resumable", "The version of the protocol that is spoken.", {"const": TUS}, TUS)
_VERSIONS = HeaderField("Tus-Version", "The versions of the protocol that are understood.", {"const": TUS}, TUS)
_EXTENSIONS = HeaderField("Tus-Extension", "What of the protocol there is beside its core.", text(), EXTENSIONS)
_MOST = HeaderField("Tus-Max-Size", "How many bytes a file may have.", number(2**53 - 1), settings.LARGEST_UPLOAD)
_LENGTH = HeaderField("Upload-Length", "How many bytes the whole file has.", number(settings.LARGEST_UPLOAD), 1_048_576)
_OFFSET = HeaderField("Upload-Offset", "How many bytes of it are here.", number(settings.LARGEST_UPLOAD), 0)
_METADATA = HeaderField(
    "Upload-Metadata",
    "`filename`, and if need be `mapping` and `date_order` as of `POST uploads/`: each name, a space and its text in"
    " base64, with commas between.",
    text(r"^[a-z_]+ [A-Za-z0-9+/]+={0,2}(,[a-z_]+ [A-Za-z0-9+/]+={0,2})*$"),
    "filename Y2xhaW1zLmNzdg==",
)
_LOCATION = HeaderField(
    "Location",
    "Where its slices are sent.",
    {"type": "string", "format": "uri-reference", "maxLength": 1000},
    "/api/v1/uploads/resumable/upl_4t7wz9k2m5p8rc3x/",
)
_UNTIL = HeaderField(
    "Upload-Expires", "Until when the rest is waited for.", text(), "Tue, 06 Jan 2026 13:00:00 GMT", required=False
)


class ResumableUploads(Resource):
    """Large files, slice by slice: what broke off goes on where it was."""

    thing = "upload"
    verbs: ClassVar = {"append": "receive"}
    may: ClassVar = dict.fromkeys(("offer", "begin", "progress", "append", "give_up"), Permission.LOAD_CLAIMS)
    gives: ClassVar = {
        "begin": Gives(status=HTTPStatus.CREATED),
        "progress": Gives(),
        **dict.fromkeys(("offer", "append", "give_up"), NOTHING),
    }
    refuses: ClassVar = {
        "begin": [http.Invalid, TusVersionNotSpoken, HeaderUnusable, FileTooLarge, TooManyUploadsWaiting],
        "progress": [TusVersionNotSpoken],
        "append": [
            http.UnsupportedMediaType,
            TusVersionNotSpoken,
            HeaderUnusable,
            OffsetWrong,
            SliceTooLong,
            UploadComplete,
        ],
        "give_up": [TusVersionNotSpoken, UploadComplete],
    }
    read_as: ClassVar = {"append": [PlainBytes]}
    hears: ClassVar = {
        "begin": [_VERSION, _LENGTH, _METADATA],
        "append": [_VERSION, _OFFSET],
        **dict.fromkeys(("progress", "give_up"), (_VERSION,)),
    }
    says: ClassVar = {
        "offer": [_VERSION, _VERSIONS, _EXTENSIONS, _MOST],
        "begin": [_VERSION, _LOCATION, _OFFSET, _UNTIL],
        "progress": [_VERSION, _LENGTH, _OFFSET, _METADATA, _UNTIL],
        "append": [_VERSION, _OFFSET, _UNTIL],
        "give_up": [_VERSION],
    }
    largest_body: ClassVar[Mapping[str, int]] = {"append": settings.LARGEST_SLICE}
    http_method_names = ["head", "post", "patch", "delete", "options"]
    queryset = Upload.objects.all()

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        asked: Request = super().initialize_request(request, *args, **kwargs)
        self.action = self.action_map.get(str(request.method).lower(), "")  # of OPTIONS too, which has one here
        return asked

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action != "offer" and request.headers.get("Tus-Resumable") != TUS:
            raise TusVersionNotSpoken

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: Any = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["Tus-Resumable"] = TUS
        return answer

    def offer(self, request: Request) -> Response:
        """What of the tus protocol is spoken here, and how large a file may be."""
        said = {
            "Tus-Version": TUS,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.LARGEST_UPLOAD),
        }
        return self._answer(said)

    def begin(self, request: Request) -> Response:
        """Begin a file: how large it is, and what it is called. Its slices go to the address in `Location`."""
        told = FileTold(data=_metadata(request))
        refuse_unless_valid(told)
        asked = Asked(**told.validated_data)
        upload = receiving.begin(_count_in(request, "Upload-Length"), asked, actor=self.caller.actor)
        return self._answer({"Location": f"{request.path}{upload.public_id}/", **_offset(upload)})

    def progress(self, request: Request, public_id: str) -> Response:
        """How much of the file is here: where the next slice begins."""
        upload = self.get_object()
        told = {"Upload-Length": str(upload.size_bytes), "Upload-Metadata": _metadata_of(upload)}
        return self._answer({**told, **_offset(upload)})

    def append(self, request: Request, public_id: str) -> Response:
        """Send the next slice. With the last one the file is loaded and judged; watch it at `uploads/{id}/`."""
        upload, offset = self.get_object(), _count_in(request, "Upload-Offset")
        return self._answer(_offset(receiving.append(upload, offset, _slice(request), actor=self.caller.actor)))

    def give_up(self, request: Request, public_id: str) -> Response:
        """Forget a file of which not all was sent."""
        receiving.give_up(self.get_object(), actor=self.caller.actor)
        return self.answer()

    def _answer(self, headers: Mapping[str, str]) -> Response:
        answer = self.answer()
        for name, value in headers.items():
            answer[name] = value
        return answer


def _offset(upload: Upload) -> dict[str, str]:
    """How much is here; and until when the rest is waited for."""
    if upload.state != Upload.State.RECEIVING or upload.received_at is None:
        return {"Upload-Offset": str(upload.size_bytes)}
    until = http_date((upload.received_at + KEPT_HALF_SENT).timestamp())
    return {"Upload-Offset": str(upload.received_bytes), "Upload-Expires": until}


def _count_in(request: Request, name: str) -> int:
    """The whole number that a header says. Raises HeaderUnusable."""
    said = request.headers.get(name, "")
    if not _COUNT.fullmatch(said):
        raise HeaderUnusable(name)
    return int(said)


def _slice(request: Request) -> bytes:
    """The bytes sent; a body without any is given by the framework as an empty document."""
    sent: Any = request.data
    return sent if isinstance(sent, bytes) else b""


def _metadata(request: Request) -> dict[str, str]:
    """What Upload-Metadata says: names, each with a text in base64, with commas between. Raises HeaderUnusable."""
    pairs = [pair.strip().partition(" ") for pair in request.headers.get("Upload-Metadata", "").split(",")]
    return {name: _text_of(value) for name, _, value in pairs if name in FileTold().fields}


def _metadata_of(upload: Upload) -> str:
    """What was said of the file when it was begun."""
    mapping = json.dumps(upload.mapping) if upload.mapping else ""
    said = {"filename": upload.filename, "mapping": mapping, "date_order": upload.date_order}
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in said.items() if value)


def _text_of(value: str) -> str:
    try:
        return b64decode(value, validate=True).decode()
    except ValueError:
        raise HeaderUnusable("Upload-Metadata") from None
