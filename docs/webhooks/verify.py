"""Is this message from Payerwatch? Python 3.10 or newer and nothing but its standard library."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 5 * 60


class NotGenuine(Exception):
    """Answer 401 and do nothing else with it."""


def verify(headers: Mapping[str, str], body: bytes, secret: str, now: float | None = None) -> None:
    """Raises NotGenuine unless `body`, the bytes as they came, was signed with `secret` in the last five minutes.

    `headers` must find a name whatever the case of its letters, as those of every framework do.
    """
    message_id = headers.get("webhook-id") or ""
    sent_at = headers.get("webhook-timestamp") or ""
    signatures = headers.get("webhook-signature") or ""
    if not message_id or not re.fullmatch("[0-9]{1,12}", sent_at):
        raise NotGenuine("It is not signed.")
    if abs((time.time() if now is None else now) - int(sent_at)) > TOLERANCE_SECONDS:
        raise NotGenuine("It was signed too long ago, or a clock is wrong.")
    expected = _signature(secret, message_id, sent_at, body)
    genuine = [hmac.compare_digest(expected, given.encode()) for given in signatures.split(" ")]
    if not any(genuine):
        raise NotGenuine("The signature does not fit.")


def _signature(secret: str, message_id: str, sent_at: str, body: bytes) -> bytes:
    if not secret.startswith("whsec_"):
        raise ValueError("The secret begins with whsec_.")
    key = base64.b64decode(secret[len("whsec_") :], validate=True)
    content = b".".join((message_id.encode(), sent_at.encode(), body))
    return b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
