"""Work whose duration must not be seen by whoever caused it, done by one thread per process."""

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from payerwatch.jobs.trouble import taken_away
from payerwatch.refusals import Refusal

LAST_SECONDS = 3.0

logger = logging.getLogger(__name__)


class BackgroundWorker:
    """A thread that starts with the first work and does one after the other.

    What waits when the process ends has a few seconds more; what is not done by then is lost.
    """

    def __init__(self, name: str, *, most: int) -> None:
        self._name = name
        self._queue: queue.Queue[Callable[[], None]] = queue.Queue(most)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def do(self, work: Callable[[], None]) -> None:
        """Put the work behind what waits, and return at once. Where too much waits, it is dropped and logged."""
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            logger.error("Too much waits for %s: something was dropped.", self._name)
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # a forked process has none of its own yet
                atexit.register(self.finish, LAST_SECONDS)
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Wait until all is done, at most so long; whether it is."""
        changed = self._queue.all_tasks_done
        with changed:
            return changed.wait_for(lambda: not self._queue.unfinished_tasks, seconds)

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            try:
                _done(self._name, work)
            finally:
                self._queue.task_done()


def every(seconds: float, work: Callable[[], None]) -> None:
    """Do the work again and again, first after so long, in a thread of its own that ends with the process."""

    def repeat() -> None:
        while True:
            time.sleep(seconds)
            _done("looking for what waits", work)

    threading.Thread(target=repeat, name="every", daemon=True).start()


def attempt(name: str, work: Callable[[], None]) -> None:
    """Do the work; whatever becomes of it, the next can be done, unless the job that does it was taken away."""
    try:
        work()
    except (DatabaseError, InterfaceError) as error:
        if taken_away(error):  # nothing more is this one's to do
            raise
        logger.error("%s failed: %s.", name, type(error).__name__)
    except Refusal as error:
        logger.error("%s failed: %s.", name, type(error).__name__)
    except KeyboardInterrupt:  # on a command line, where it ends all
        raise
    except BaseException as error:
        # A fault of ours in one piece of work keeps no other from being done. A library's panic is no Exception.
        logger.error("%s failed.", name, exc_info=error)


def _done(name: str, work: Callable[[], None]) -> None:
    attempt(name, work)
    connection.close()
