"""`payerwatch serve [--bind 127.0.0.1:8000]`"""

import re
import socket
from typing import Any

from django.core.checks import Error
from django.core.management.base import CommandParser
from django.db import connection
from gunicorn.app.base import BaseApplication

from payerwatch.operations.command import Answer, PayerwatchCommand, refuse_unless_migrated
from payerwatch.operations.deploy_checks import refuses_serving
from payerwatch.operations.work_beside import WorkBeside
from payerwatch.refusals import Refusal
from payerwatch.web.arriving import Patience
from payerwatch.web.server import Worker, load_views
from payerwatch.web.wsgi import application

WORKERS, THREADS = 2, 4
GRACEFUL_SECONDS = 30
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]*)):(?P<port>[0-9]{1,5})")


class NotSafeToServe(Refusal):
    """The address can be reached by others, and the settings are not fit for that."""

    def __init__(self, errors: list[Error]) -> None:
        super().__init__(
            "Others could reach this, directly or through a proxy, and its settings are not safe for that.",
            where="\n".join(error.msg for error in errors),
            fix="See payerwatch check --deploy; or, bound to 127.0.0.1 and with invented data: serve --for-trying.",
        )


class AddressUnusable(Refusal):
    """What --bind says is no address of this machine, or another program has it."""

    def __init__(self, bind: str, reason: str) -> None:
        super().__init__(
            f"The server cannot listen there: {reason}.",
            where=f"--bind {bind}",
            fix="End what listens there, or choose another: --bind ADDRESS:PORT, such as 127.0.0.1:8000, or unix:PATH.",
        )


class Server(BaseApplication):
    """gunicorn with threads, set up from the command's options alone."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return application


class Command(PayerwatchCommand):
    help = "Serve the API. Bound to this machine alone unless --bind says otherwise."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT", help="default 127.0.0.1:8000")
        parser.add_argument("--for-trying", action="store_true", help="bound to this machine: whatever the settings")
        parser.add_argument("--workers", type=int, default=WORKERS, help=f"processes, default {WORKERS}")
        parser.add_argument("--threads", type=int, default=THREADS, help=f"threads of each, default {THREADS}")
        parser.add_argument("--no-work", action="store_true", help="leave jobs to payerwatch work (PostgreSQL)")
        parser.add_argument(
            "--idle-seconds", type=float, default=Patience.idle, help="a client may send nothing, default 15"
        )
        parser.add_argument(
            "--request-seconds", type=float, default=Patience.total, help="a whole request may take, default 60"
        )

    def answer(self, **options: Any) -> Answer:
        _refuse_unless_free(options["bind"])
        if errors := refuses_serving(options["bind"], for_trying=options["for_trying"]):
            raise NotSafeToServe(errors)
        refuse_unless_migrated()
        connection.close()
        Worker.patience = Patience(options["idle_seconds"], options["request_seconds"])
        load_views()
        self.stderr.write(f"Serving on http://{options['bind']}/api/v1/ (Ctrl-C ends it)")
        beside = _beside(options["no_work"])
        Server(
            bind=options["bind"],
            workers=options["workers"],
            threads=options["threads"],
            worker_class="payerwatch.web.server.Worker",
            logger_class="payerwatch.web.server.Lines",
            forwarder_headers="",  # no proxy says where in the address space this is
            graceful_timeout=GRACEFUL_SECONDS,
            proc_name="payerwatch",
            control_socket_disable=True,
            **beside,
        ).run()
        return Answer({"served": options["bind"]})


def _beside(no_work: bool) -> dict[str, Any]:
    """What lets a worker begin and end with the server. On SQLite the server's processes do the jobs themselves."""
    if no_work or connection.vendor != "postgresql":
        return {}
    beside = WorkBeside()
    return {"when_ready": lambda _server: beside.start(), "on_exit": lambda _server: beside.stop()}


def _refuse_unless_free(bind: str) -> None:
    """Listen there for a moment. Raises AddressUnusable."""
    if bind.startswith("unix:"):
        return
    found = _ADDRESS.fullmatch(bind)
    if found is None:
        raise AddressUnusable(bind, "this is no address and port")
    family = socket.AF_INET6 if found["six"] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((found["six"] or found["host"], int(found["port"])))
            probe.listen()
        except (OSError, OverflowError) as error:
            raise AddressUnusable(bind, getattr(error, "strerror", None) or "there is no such port") from None
