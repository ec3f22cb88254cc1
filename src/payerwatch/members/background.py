"""Work whose duration must not be seen by whoever caused it, done by one thread per process."""

import logging
import queue
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from payerwatch.refusals import Refusal

logger = logging.getLogger(__name__)


class BackgroundWorker:
    """A thread that starts with the first work and does one after the other.

    What waits when the process ends is lost.
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
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def finish(self) -> None:
        """Wait until nothing waits."""
        self._queue.join()

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            try:
                work()
            except (DatabaseError, InterfaceError, Refusal) as error:
                logger.error("%s failed: %s.", self._name, type(error).__name__)
            finally:
                connection.close()
                self._queue.task_done()
