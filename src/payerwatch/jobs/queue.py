"""The table of jobs on PostgreSQL, which is Procrastinate's: putting a job there, and what becomes of it.

A job is put with the connection, and so in the transaction, of whoever causes it. One that waits already does for the
new cause too, if it is not taken before that is kept: so its row is held until then, and whoever takes jobs passes over
it (`FOR UPDATE SKIP LOCKED`, as Procrastinate does).
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction

from payerwatch.config.trace_context import traceparent
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import SENDING, WORK, queue_of
from payerwatch.tenancy.conflicts import violates

CHANNEL = "procrastinate_any_queue_v1"
"""On which Procrastinate's trigger tells of each job that is put."""
_ONE_WAITS = "procrastinate_jobs_queueing_lock_idx_v1"

_PUT = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
VALUES (%(queue)s, %(step)s, %(key)s, %(key)s,
    jsonb_build_object('customer', %(customer)s, 'id', %(id)s::text, 'trace', %(trace)s::text), %(at)s)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING RETURNING id
"""
_HOLD = "SELECT id, scheduled_at FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo' FOR KEY SHARE"
_HASTEN = "UPDATE procrastinate_jobs SET scheduled_at = coalesce(%s, now()) WHERE id = %s"
_THERE = """
SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %(key)s AND status = 'todo'
UNION ALL SELECT 1 FROM procrastinate_jobs WHERE lock = %(key)s AND status = 'doing'
UNION ALL SELECT 1 FROM procrastinate_jobs WHERE lock = %(key)s AND status = 'failed'
"""
_PUT_PERIODIC = """
SELECT procrastinate_defer_periodic_job_v2(
    %(queue)s, %(name)s, %(name)s, %(name)s, 0, '', %(moment)s, '{"customer": 0, "id": ""}'::jsonb)
"""
_TELL = "SELECT pg_notify(%s, '{}')"

_COLUMNS = "id, task_name, (args->>'customer')::bigint, args->>'id', attempts, queue_name, args->>'trace'"
_TAKE = f"SELECT {_COLUMNS} FROM procrastinate_fetch_job_v2(%s::varchar[], %s) WHERE id IS NOT NULL"
_OWN = "id = %(id)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker)s"
_DONE = f"DELETE FROM procrastinate_jobs WHERE {_OWN}"
_PUT_BACK = f"""
UPDATE procrastinate_jobs
SET status = 'todo', worker_id = NULL, attempts = %(attempts)s, scheduled_at = now() + %(pause)s WHERE {_OWN}
"""
_GIVE_WAY = f"""
WITH gone AS (DELETE FROM procrastinate_jobs WHERE {_OWN} RETURNING lock)
UPDATE procrastinate_jobs AS newer SET attempts = greatest(newer.attempts, %(attempts)s)
FROM gone WHERE newer.queueing_lock = gone.lock AND newer.status = 'todo'
"""
_PARK = f"UPDATE procrastinate_jobs SET status = 'failed', worker_id = NULL, attempts = %(attempts)s WHERE {_OWN}"
_FORGET_PARKED = "DELETE FROM procrastinate_jobs WHERE lock = %(key)s AND status = 'failed' AND id <> %(id)s"

_COUNTS = "SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"
_PARKED = """
SELECT job.id, task_name, customer.public_id, args->>'id', attempts,
    (SELECT max(at) FROM procrastinate_events AS event WHERE event.job_id = job.id AND event.type = 'failed')
FROM procrastinate_jobs AS job LEFT JOIN tenancy_customer AS customer ON customer.id = (args->>'customer')::bigint
WHERE status = 'failed' ORDER BY job.id
"""
_SILENT_AND_PARKED = """
SELECT extract(epoch FROM clock_timestamp() - max(last_heartbeat)), count(*),
    (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed')
FROM procrastinate_workers
"""
# A job that was put off, or back, has the time for which it was; any other has been due since it was put.
_OLDEST_DUE = """
SELECT name, extract(epoch FROM now() - due.at)
FROM unnest(%s::text[]) AS name CROSS JOIN LATERAL (SELECT least(
    (SELECT min(scheduled_at) FROM procrastinate_jobs
        WHERE queue_name = name AND status = 'todo' AND scheduled_at <= now()),
    (SELECT put.at FROM procrastinate_events AS put WHERE put.type = 'deferred' AND put.job_id = (
        SELECT min(id) FROM procrastinate_jobs
        WHERE queue_name = name AND status = 'todo' AND scheduled_at IS NULL))
) AS at) AS due WHERE due.at IS NOT NULL
"""
_RETRY = """
WITH parked AS (
    SELECT id, lock FROM procrastinate_jobs WHERE id = ANY(%(ids)s) AND status = 'failed' FOR UPDATE
), needless AS (
    DELETE FROM procrastinate_jobs WHERE id IN (
        SELECT parked.id FROM parked JOIN procrastinate_jobs AS newer
        ON newer.queueing_lock = parked.lock AND newer.status = 'todo')
    RETURNING id
), retried AS (
    UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = now()
    WHERE id IN (SELECT id FROM parked) AND id NOT IN (SELECT id FROM needless) RETURNING id
)
SELECT id FROM needless UNION ALL SELECT id FROM retried
"""

_REGISTER = "SELECT worker_id FROM procrastinate_register_worker_v1()"
_BEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s RETURNING last_heartbeat"
_LEAVE = "SELECT procrastinate_unregister_worker_v1(%s)"
_STRIKE_OFF = "SELECT worker_id FROM procrastinate_prune_stalled_workers_v1(%s)"
_OF_THE_DEAD = f"""
SELECT {_COLUMNS} FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL FOR UPDATE SKIP LOCKED
"""
_UNKNOWN_TO = f"""
SELECT {_COLUMNS} FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %s AND NOT (id = ANY(%s)) FOR UPDATE
SKIP LOCKED
"""


class Taken(NamedTuple):
    """A job that a worker has taken, and how often it failed before."""

    number: int
    job: Job
    attempts: int
    worker: int | None
    """None where the worker was struck off."""
    queue: str
    trace: str = ""
    """The traceparent of what caused it."""


# Putting, in the caller's transaction


def put(job: Job, at: datetime | None) -> None:
    """Let the job wait, once the transaction is kept. One that waits is held until then, and hastened if need be."""
    while not _put(job, at):
        waiting = _rows(_HOLD, [job.key])
        if not waiting:
            continue  # it was taken at this moment, and may not see the new cause
        number, planned = waiting[0]
        if planned is not None and (at is None or at < planned):
            _run(_HASTEN, [at, number])
            _run(_TELL, [CHANNEL])
        return


def make_sure(job: Job, at: datetime | None) -> None:
    """Let the job wait unless it waits, runs or is parked: that its cause was found is nothing new."""
    if not _rows(_THERE, {"key": job.key}):
        _put(job, at)


def put_periodic(name: str, moment: datetime) -> None:
    """Let what is done periodically wait for its moment, unless any process did so or the one before still waits."""
    try:
        with transaction.atomic():
            _run(_PUT_PERIODIC, {"queue": WORK, "name": name, "moment": int(moment.timestamp())})
    except IntegrityError as error:
        if not violates(error, _ONE_WAITS):
            raise


def _put(job: Job, at: datetime | None) -> bool:
    """Whether it waits now by this; else another of its key does."""
    step, customer, public_id = job
    named = {"queue": queue_of(step), "step": step, "key": job.key, "customer": customer, "id": public_id, "at": at}
    return bool(_rows(_PUT, named | {"trace": traceparent()}))


# Taking, and what becomes of what was taken; each by the worker that has it, and nothing is done once it has it no more


def take(worker: int, queues: Iterable[str] = (WORK, SENDING)) -> Taken | None:
    """The next job that is due in any of the queues."""
    found = _rows(_TAKE, [list(queues), worker])
    return _taken(found[0], worker) if found else None


def holding_statement(taken: Taken) -> str:
    """What fails unless the worker has the job, and lets it keep it until the transaction ends."""
    return f"SELECT payerwatch_hold_job({taken.number}, {taken.worker})"


def done(taken: Taken) -> None:
    """Forget the job, and one of its key that was parked before."""
    with transaction.atomic():
        if _run(_DONE, _named(taken)):
            _run(_FORGET_PARKED, _named(taken))


def put_back(taken: Taken, *, attempts: int, pause: timedelta) -> None:
    """Let it wait again. Where a new cause has put another meanwhile, that one waits instead."""
    named = _named(taken) | {"attempts": attempts, "pause": pause}
    try:
        with transaction.atomic():
            _run(_PUT_BACK, named)
    except IntegrityError as error:
        if not violates(error, _ONE_WAITS):
            raise
        _run(_GIVE_WAY, named)


def park(taken: Taken, *, attempts: int) -> bool:
    """Keep it, to be looked at by people, in the place of one of its key before; whether it was the worker's still."""
    with transaction.atomic():
        parked = bool(_run(_PARK, _named(taken) | {"attempts": attempts}))
        if parked:
            _run(_FORGET_PARKED, _named(taken))
        return parked


# What people look at


class Parked(NamedTuple):
    """A job that failed for good, and when. One that belongs to no customer has neither customer nor thing."""

    number: int
    step: str
    customer: str
    thing: str
    attempts: int
    at: datetime


def counts() -> dict[str, int]:
    """How many wait, run and are parked."""
    found = dict(_rows(_COUNTS))
    names = {"waiting": "todo", "running": "doing", "parked": "failed"}
    return {name: found.get(status, 0) for name, status in names.items()}


class State(NamedTuple):
    """How the queues are doing: seconds, and a number of jobs."""

    worker_silent_for: float | None
    """Since any worker said that it lives; None where there is none."""
    workers: int
    """Those that live, or were not struck off yet."""
    oldest_due: dict[str, float]
    """By queue, for how long that of the jobs has been due that has been so the longest."""
    parked: int


def state() -> State:
    [(silent_for, workers, parked)] = _rows(_SILENT_AND_PARKED)
    ages = {name: float(age) for name, age in _rows(_OLDEST_DUE, [[WORK, SENDING]])}
    return State(None if silent_for is None else float(silent_for), workers, ages, parked)


def parked() -> list[Parked]:
    """The one parked first comes first."""
    return [
        Parked(number, step, customer or "", thing, *rest) for number, step, customer, thing, *rest in _rows(_PARKED)
    ]


def retry(numbers: Collection[int]) -> list[int]:
    """Let parked jobs wait again, as if never tried; which. Where a new one of the same waits, that does for both."""
    found = [number for (number,) in _rows(_RETRY, {"ids": list(numbers)})]
    _run(_TELL, [CHANNEL])
    return sorted(found)


# Workers


def register() -> int:
    """A number for a worker that begins."""
    return int(_rows(_REGISTER)[0][0])


def beat(worker: int) -> datetime | None:
    """Say that the worker lives; the database's time, or None where it was taken for dead and struck off."""
    found = _rows(_BEAT, [worker])
    return found[0][0] if found else None


def leave(worker: int) -> None:
    """The worker ends: what it has not finished is the others'."""
    _run(_LEAVE, [worker])


def take_from_the_dead(silent_for: float) -> int:
    """Put back what workers had who have not said for so many seconds that they live. It counts as an attempt.

    How many workers that were, which are struck off.
    """
    struck_off = len(_rows(_STRIKE_OFF, [silent_for]))
    with transaction.atomic():
        for row in _rows(_OF_THE_DEAD):
            left = _taken(row, None)
            put_back(left, attempts=left.attempts + 1, pause=timedelta())
    return struck_off


def put_back_what_is_not_done(worker: int, doing: Collection[int]) -> None:
    """Of what the worker has, that which it does not do: the connection broke as it took it, or as it ended it."""
    with transaction.atomic():
        for row in _rows(_UNKNOWN_TO, [worker, list(doing)]):
            left = _taken(row, worker)
            put_back(left, attempts=left.attempts, pause=timedelta())


def listen() -> None:
    """Be told on this connection of each job that is put."""
    _run(f"LISTEN {CHANNEL}")


def read_what_came_in() -> None:
    """Let the connection see what it is told, or that it is gone, which any statement does."""
    _run("SELECT")


def _taken(row: tuple, worker: int | None) -> Taken:
    number, step, customer, public_id, attempts, waited_in, trace = row
    return Taken(number, Job(step, customer, public_id), attempts, worker, waited_in, trace or "")


def _named(taken: Taken) -> dict[str, Any]:
    return {"id": taken.number, "worker": taken.worker, "key": taken.job.key}


def _run(statement: str, given: Any = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return int(cursor.rowcount)


def _rows(statement: str, given: Any = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        found: list[tuple] = cursor.fetchall()
    return found
