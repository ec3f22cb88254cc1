"""What it costs a request to take a connection from a pool, and to say with each transaction how long it may take.

    scripts/with_postgres.py -- python benchmarks/connections.py [--rounds 60] [--requests 40]

The same request, a page of payers asked for with a key, by the application itself and in one thread, so that nothing is
counted but what a thread of the server does. The ways take turns in rounds: with a connection that the thread keeps and
no time-outs; the same with time-outs; and from a pool with time-outs. Each is compared with the first of its own round:
the processor's time of this process, and the time that passes.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import django
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

WAYS = ("kept", "kept, with time-outs", "from a pool, with time-outs")
KEPT_SECONDS = 60
Times = tuple[float, float]


def main() -> None:
    options = _options()
    ask = _set_up()
    for way in WAYS:
        _round(way, ask, 20)
    found: dict[str, list[Times]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS[number % 3 :] + WAYS[: number % 3]:
            found[way].append(_round(way, ask, options.requests))
    _report(found, options.requests)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What connections cost a request.")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=40, help="of each way in a round")
    return parser.parse_args()


def _set_up() -> Callable[[], None]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    os.environ.setdefault("PAYERWATCH_DATA_DIR", tempfile.mkdtemp(prefix="payerwatch-connections-"))
    os.environ["PAYERWATCH_RATE_API"] = "10000/s"
    os.environ["PAYERWATCH_LOG_LEVEL"] = "error"
    django.setup()
    refuse_unless_throwaway()
    call_command("migrate", verbosity=0)
    from payerwatch.audit.actors import command_actor  # the settings come first
    from payerwatch.members.keys import issue_key
    from payerwatch.tenancy.actions import add_customer
    from payerwatch.web.wsgi import application

    customer = add_customer("Practice")
    key = issue_key(customer, name="benchmark", scopes=["claims.read", "mappings.read"], actor=command_actor()).text
    return lambda: _ask(application, key)


def _ask(application: Any, key: str) -> None:
    """As a server asks: what the answer holds is read to its end, and the answer closed."""
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/api/v1/payers/", "QUERY_STRING": "", "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost", "HTTP_AUTHORIZATION": f"Bearer {key}", "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(), "wsgi.errors": BytesIO(), "wsgi.version": (1, 0), "wsgi.multithread": True,
    }  # fmt: skip
    told: list[str] = []
    answer = application(environ, lambda status, _headers: told.append(status))
    for _ in answer:
        pass
    answer.close()
    if told != ["200 OK"]:
        raise SystemExit(f"The request was answered with {told}.")


def _round(way: str, ask: Callable[[], None], requests: int) -> Times:
    """Seconds of the processor and of the clock, after one request by which the connection is there."""
    _keep(way)
    ask()
    processor, clock = time.process_time(), time.perf_counter()
    for _ in range(requests):
        ask()
    return time.process_time() - processor, time.perf_counter() - clock


def _keep(way: str) -> None:
    from django.db import connection, connections

    from payerwatch.config.limits import Limits
    from payerwatch.tenancy.connections import limit_time, share_connections

    connection.close()
    connections.settings["default"].update({"POOL": 0, "CONN_MAX_AGE": KEPT_SECONDS})
    limit_time(Limits(statement=30, idle=10) if "time-outs" in way else Limits(statement=0, idle=0))
    if "pool" in way:
        share_connections(4)


def _report(found: dict[str, list[Times]], requests: int) -> None:
    first = found[WAYS[0]]
    for way, times in found.items():
        told = []
        for place, name in enumerate(("processor", "clock")):
            median = statistics.median(each[place] for each in times) / requests * 1e3
            ratio = statistics.median(each[place] / other[place] for each, other in zip(times, first, strict=True))
            told.append(f"{name} {median:5.2f} ms ({ratio:.3f})")
        print(f"{way:28} {'  '.join(told)}")


if __name__ == "__main__":
    main()
