"""A worker on PostgreSQL: takes what is due from the table of jobs, and does it in threads, some for each queue.

One thread, the main one, takes jobs, says that the worker lives, and looks after what dead workers had. It has a
connection of its own; a job is done in a thread, with one of the process's connections. Any number of workers may run,
on any machines that reach the database.
"""

import logging
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from payerwatch.config.logging import milliseconds_since
from payerwatch.config.trace_context import continued
from payerwatch.jobs import queue
from payerwatch.jobs.background import attempt
from payerwatch.jobs.holding import JobTakenAway, holding
from payerwatch.jobs.periodic import Calendar, Periodic
from payerwatch.jobs.queue import Taken
from payerwatch.jobs.steps import told_when_parked
from payerwatch.jobs.trouble import MOST_ATTEMPTS, passes_by_itself, pause_after_fault, pause_while_away
from payerwatch.measuring.metrics import note_job, workers_lost
from payerwatch.tenancy.clock import go_by
from payerwatch.tenancy.connections import have_own_connection

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Times:
    """In seconds."""

    look: float = 5
    """Between looks for what is due: jobs that are put are told of, those that were put off are not."""
    beat: float = 3
    """Between two times of saying that the worker lives."""
    dead: float = 15
    """After which a worker that did not say so is taken for dead, and its jobs are taken up by others."""
    grace: float = 20
    """In which a worker that is to stop finishes what it has begun."""


class Worker:
    """Takes jobs until it is told to stop, or `lives_on` says no."""

    def __init__(
        self,
        threads: Mapping[str, int],
        periodic: Iterable[Periodic] = (),
        *,
        times: Times | None = None,
        lives_on: Callable[[], bool] = lambda: True,
        on_beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`threads` says how many jobs of each queue are done at a time; `on_beat` is called while the worker lives."""
        self._threads = threads
        self._times = times or Times()
        self._lives_on = lives_on
        self._on_beat = on_beat
        self._calendar = Calendar(periodic)
        self._calendar.declare()
        self._stopping = False
        self._number = 0
        self._beaten_at = self._beating_since = 0.0
        self._doing: dict[int, str] = {}
        """By the job's number, which queue it waited in."""
        self._away: Counter[str] = Counter()
        self._is_told = True
        self._listening: Any = None
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ring, False)

    def stop(self) -> None:
        """Take no more. May be called from a signal's handler and from any thread."""
        self._stopping = True
        self._wake()

    def run(self) -> bool:
        """Work until told to stop; whether all that was begun came to its end in time."""
        self._is_told = have_own_connection()
        if not self._is_told:
            logger.warning("Behind PgBouncer nobody is told of jobs: PAYERWATCH_DIRECT_DATABASE_URL is not set.")
        unanswered = 0
        while not self._stopping and self._lives_on():
            try:
                self._round()
                unanswered = 0
            except (OperationalError, InterfaceError) as error:
                unanswered += 1
                logger.warning("The worker waits for the database.", exc_info=error)
                connection.close()
                self._beating_since = 0.0
                self._sleep(min(pause_while_away(unanswered).total_seconds(), self._times.look))
        return self._finish()

    def _round(self) -> None:
        self._listen()
        self._live()
        while (open_to := self._open_to()) and not self._stopping:
            taken = queue.take(self._number, open_to)
            if taken is None:
                break
            self._begin(taken)
        self._sleep(min(self._times.look, self._times.beat))

    def _open_to(self) -> list[str]:
        """The queues whose threads are not all at work."""
        busy = Counter(list(self._doing.values()))  # which threads change
        return [each for each, most in self._threads.items() if busy[each] < most]

    def _listen(self) -> None:
        """On a new connection, be told of jobs there; else they are found at the next look."""
        connection.ensure_connection()
        if self._is_told and connection.connection is not self._listening:
            connection.connection.add_notify_handler(lambda _told: self._wake())
            queue.listen()
            self._listening = connection.connection

    def _live(self) -> None:
        """Say so when it is time, and see to what others left and to what is due periodically."""
        now = time.monotonic()
        if self._beaten_at and now - self._beaten_at < self._times.beat:
            return
        clock = queue.beat(self._number) if self._number else None
        if clock is None:
            self._number = queue.register()
            clock = queue.beat(self._number)
        if clock is not None:
            go_by(clock, asked_at=now)
        self._beaten_at = now
        self._beating_since = self._beating_since or now
        self._on_beat()
        queue.put_back_what_is_not_done(self._number, list(self._doing))
        if now - self._beating_since >= self._times.dead:  # else all may have been silent, as the database was
            self._take_from_the_dead()
        if clock is not None:
            self._put_periodic(clock)

    def _take_from_the_dead(self) -> None:
        if lost := queue.take_from_the_dead(self._times.dead):
            workers_lost.inc(lost)
            logger.error("%d workers have not said for %g seconds that they live.", lost, self._times.dead)

    def _put_periodic(self, clock: datetime) -> None:
        for each, moment in self._calendar.due(clock):
            queue.put_periodic(each.name, moment)

    def _begin(self, taken: Taken) -> None:
        self._doing[taken.number] = taken.queue
        threading.Thread(target=self._do, args=(taken,), name=f"job-{taken.number}", daemon=True).start()

    def _finish(self) -> bool:
        """Wait for what was begun, and go on saying that the worker lives; then leave the rest to others."""
        until = time.monotonic() + self._times.grace
        with suppress(OperationalError, InterfaceError):
            while self._doing and time.monotonic() < until:
                if time.monotonic() - self._beaten_at >= self._times.beat:
                    queue.beat(self._number)
                    self._beaten_at = time.monotonic()
                    self._on_beat()
                self._sleep(min(self._times.beat, until - time.monotonic()))
            if self._number:
                queue.leave(self._number)
        connection.close()
        return not self._doing

    # In a thread of the job's own

    def _do(self, taken: Taken) -> None:
        try:
            with continued(taken.trace, name=taken.job.step):
                self._attempt(taken)
        except (DatabaseError, InterfaceError) as error:
            # Nobody does it now: it is put back with the next beat, or by others once this worker is dead.
            logger.warning("The end of job %d could not be noted.", taken.number, exc_info=error)
        finally:
            connection.close()
            del self._doing[taken.number]
            self._wake()

    def _attempt(self, taken: Taken) -> None:
        if taken.attempts >= MOST_ATTEMPTS:  # who did it died each time
            self._park(taken, taken.attempts, None)
            return
        began = time.perf_counter()
        try:
            with holding(taken):
                taken.job.run()
        except JobTakenAway as error:
            logger.info("%s", error)
        except BaseException as error:
            # Whatever it is, other jobs go on. A library's panic is no Exception.
            connection.close()
            self._failed(taken, error)
        else:
            self._away.pop(taken.job.key, None)
            queue.done(taken)
            milliseconds = milliseconds_since(began)
            note_job(taken.job.step, "done", milliseconds)
            logger.info("done", extra={"job": taken.number, "step": taken.job.step, "milliseconds": milliseconds})

    def _failed(self, taken: Taken, error: BaseException) -> None:
        number, job, attempts, *_ = taken
        if passes_by_itself(error):
            self._away[job.key] += 1
            note_job(job.step, "put_off")
            logger.warning("Job %d waits for what does not answer now.", number, exc_info=error)
            pause = pause_while_away(self._away[job.key])
            queue.put_back(taken, attempts=attempts, pause=pause)
        elif attempts + 1 < MOST_ATTEMPTS:
            note_job(job.step, "failed")
            logger.error("Job %d (%s) failed.", number, job.step, exc_info=error)
            queue.put_back(taken, attempts=attempts + 1, pause=pause_after_fault(attempts + 1))
        else:
            self._park(taken, attempts + 1, error)

    def _park(self, taken: Taken, attempts: int, error: BaseException | None) -> None:
        """Keep it to be looked at, and let what waited for it say so."""
        number, job, *_ = taken
        note_job(job.step, "parked")
        logger.error("Job %d (%s) failed %d times and is parked.", number, job.step, attempts, exc_info=error)
        tell = told_when_parked(job.step)
        with transaction.atomic():
            if queue.park(taken, attempts=attempts) and tell is not None:
                attempt("telling of a parked job", partial(tell, job.customer_id, job.public_id))

    # Waiting

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._ring, b"!")

    def _sleep(self, seconds: float) -> None:
        """Until something happens, and at most so long."""
        database = connection.connection
        watched = [self._bell] if database is None or database.closed else [self._bell, database.fileno()]
        happened, _, _ = select.select(watched, [], [], max(seconds, 0))
        if happened not in ([], [self._bell]):
            queue.read_what_came_in()  # else it would go on happening
        with suppress(BlockingIOError):
            os.read(self._bell, 65536)
