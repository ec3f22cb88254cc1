"""The line of requests that wait for a thread of a process, and when it is too long for one more.

Where more is asked than can be answered, a line without end makes everybody wait, until clients go away and what is
done is done for nobody. So who comes too late is told at once, and who was let into the line is answered.

1. A newcomer is expected to wait as many times as there are requests before it, times the pace: the time between two
   that were taken up, lately and while others waited.
2. While nothing has been taken up for longer than that, as when all threads wait for the database, this time counts.
3. A line that was empty a moment ago may be long: many come at once, and then none for a while. One that has stood for
   `BURST_SECONDS` will not pass by itself.

To tell a line that stands from one that passes is the idea of CoDel (K. Nichols and V. Jacobson, "Controlling Queue
Delay", ACM Queue 10(5), 2012).
"""

import threading
from dataclasses import dataclass, field

BURST_SECONDS = 2.0
BURST_WAITS = 10
"""How many times as long as in a line that stands a newcomer may have to wait in one that does not."""
LATEST = 0.1
"""What the latest one counts in the pace, which so follows the last ten or twenty."""


@dataclass
class Line:
    """How many wait. One thread lets in, several take; times are seconds of the monotonic clock."""

    longest_wait: float
    """Seconds that a newcomer may have to wait in a line that stands; 0: for any time."""
    waiting: int = 0
    _pace: float = 0
    _taken_at: float = 0
    """When the last one was taken up, or when the first joined since."""
    _empty_until: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, now: float, *, in_any_case: bool = False) -> bool:
        """Whether there is room for one more, which then waits."""
        with self._lock:
            if not self.waiting:
                self._taken_at = self._empty_until = now
            elif not in_any_case and self._is_too_long(now):
                return False
            self.waiting += 1
            return True

    def take(self, now: float) -> None:
        """The first is taken up."""
        with self._lock:
            self._pace += LATEST * (now - self._taken_at - self._pace)
            self._taken_at = now
            self.waiting -= 1

    def _is_too_long(self, now: float) -> bool:
        if not self.longest_wait:
            return False
        expected = max(self.waiting * self._pace, now - self._taken_at)
        stands = now - self._empty_until > BURST_SECONDS
        return expected > self.longest_wait * (1 if stands else BURST_WAITS)
