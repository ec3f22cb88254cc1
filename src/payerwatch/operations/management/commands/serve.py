"""`payerwatch serve [--bind 127.0.0.1:8000]`"""

from typing import Any

from django.core.checks import Error
from django.core.management.base import CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from gunicorn.app.base import BaseApplication

from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.deploy_checks import refuses_serving
from payerwatch.refusals import Refusal
from payerwatch.web.wsgi import application

WORKERS, THREADS = 2, 4
GRACEFUL_SECONDS = 30


class NotSafeToServe(Refusal):
    """The address can be reached by others, and the settings are not fit for that."""

    def __init__(self, errors: list[Error]) -> None:
        super().__init__(
            "Others could reach this, directly or through a proxy, and its settings are not safe for that.",
            where="\n".join(error.msg for error in errors),
            fix="See payerwatch check --deploy; or, bound to 127.0.0.1 and with invented data: serve --for-trying.",
        )


class TablesNotReady(Refusal):
    """The database's tables are not those this version works with."""

    def __init__(self) -> None:
        super().__init__("The database is not at this version.", fix="Run: payerwatch migrate")


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

    def answer(self, **options: Any) -> Answer:
        if errors := refuses_serving(options["bind"], for_trying=options["for_trying"]):
            raise NotSafeToServe(errors)
        if MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes()):
            raise TablesNotReady
        connection.close()
        self.stderr.write(f"Serving on http://{options['bind']}/api/v1/ (Ctrl-C ends it)")
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
        ).run()
        return Answer({"served": options["bind"]})
