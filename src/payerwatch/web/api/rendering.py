"""JSON as it leaves: in UTF-8 and as short as it can be."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

_OTHER_KINDS = JSONEncoder().default  # the framework's own way with decimals, durations and the like


class QuickJSON(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=_OTHER_KINDS, option=orjson.OPT_UTC_Z)
