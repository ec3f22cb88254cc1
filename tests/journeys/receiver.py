"""Another system, as a process of its own: it takes messages, verifies them by the library that receivers use, and
keeps its own account of what has arrived.

    python receiver.py PORT ACCOUNT

ACCOUNT is the file it writes a line to for each message, before it answers. Beside it, `secrets` holds a signing
secret a line, read anew for each message, and `behaviour` what it does: `{"status": 204, "seconds": 0, "says": "…"}`;
what it says may hold `{headers}` and `{body}`, for those of the message. `status_at_first` is for a message that has
not come before.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_writing = threading.Lock()
_known: set[str | None] = set()
"""The ids of the messages that have come."""


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = _behaviour(self.account)
        time.sleep(behaviour.get("seconds", 0))
        status = _status(behaviour, headers.get("webhook-id"))
        self._keep({
            "id": headers.get("webhook-id"),
            "path": self.path,
            "verified": _verified(_secrets(self.account), body, headers),
            "headers": headers,
            "body": body.decode(),
            "at": time.time(),
            "status": status,
        })  # fmt: skip
        self.send_response(status)
        for name, value in behaviour.get("headers", {}).items():
            self.send_header(name, value)
        said = behaviour.get("says", "").format(headers=headers, body=body.decode()).encode()
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _keep(self, line: dict[str, Any]) -> None:
        with _writing, self.account.open("a") as account:
            account.write(json.dumps(line) + "\n")
            account.flush()
            os.fsync(account.fileno())

    def log_message(self, *_: Any) -> None:
        """Nothing: the account says all."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _secrets(account: Path) -> list[str]:
    path = account.with_name("secrets")
    return path.read_text().split() if path.exists() else []


def _behaviour(account: Path) -> dict[str, Any]:
    path = account.with_name("behaviour")
    return json.loads(path.read_text()) if path.exists() else {}


def _status(behaviour: dict[str, Any], message: str | None) -> int:
    with _writing:
        is_new = message not in _known
        _known.add(message)
    usual = int(behaviour.get("status", 204))
    return int(behaviour.get("status_at_first", usual)) if is_new else usual


def _verified(secrets: list[str], body: bytes, headers: dict[str, str]) -> bool:
    for secret in secrets:
        try:
            Webhook(secret).verify(body.decode(), headers)
        except WebhookVerificationError:
            continue
        return True
    return False


if __name__ == "__main__":
    Receiver.account = Path(sys.argv[2])
    with Server(("127.0.0.1", int(sys.argv[1])), Receiver) as server:
        server.serve_forever()
