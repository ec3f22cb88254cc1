"""Looking within a time: whoever asks is answered, whatever hangs."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")

GIVEN_UP_AFTER = 5.0
"""Seconds after which a look that hangs is left to itself and another is begun."""


class Lookout(Generic[Found]):
    """Looks in a thread apart, for all who ask at a time, and for those of the second after as well."""

    def __init__(
        self, look: Callable[[], Found], otherwise: Callable[[], Found], *, within: float = 0.8, fresh_for: float = 1.0
    ) -> None:
        """`otherwise` is what is told where looking takes longer than `within` seconds.

        A look that raises ends its thread, and is one that took too long.
        """
        self._look, self._otherwise = look, otherwise
        self._within, self._fresh_for = within, fresh_for
        self._changed = threading.Condition()
        self._found: list[Found] = []
        self._found_at = float("-inf")
        self._begun_at: float | None = None

    def begin(self, asked: float) -> None:
        """Look, at this moment of `time.monotonic()`, unless somebody does or just did."""
        with self._changed:
            if self._is_fresh(asked) or (self._begun_at is not None and asked - self._begun_at <= GIVEN_UP_AFTER):
                return
            self._begun_at = asked
            threading.Thread(target=self._run, args=(asked,), name="lookout", daemon=True).start()

    def found(self, asked: float | None = None) -> Found:
        """What is found within the time that counts from `asked`, of `time.monotonic()`: this moment unless given."""
        asked = time.monotonic() if asked is None else asked
        self.begin(asked)
        with self._changed:
            self._changed.wait_for(lambda: self._is_fresh(asked), max(asked + self._within - time.monotonic(), 0))
            return self._found[0] if self._is_fresh(asked) else self._otherwise()

    def _is_fresh(self, asked: float) -> bool:
        return self._found_at >= asked - self._fresh_for

    def _run(self, begun_at: float) -> None:
        try:
            found = self._look()
            with self._changed:
                if begun_at > self._found_at:  # else one that was begun later came before it
                    self._found, self._found_at = [found], begun_at
        finally:
            with self._changed:
                if self._begun_at == begun_at:
                    self._begun_at = None
                self._changed.notify_all()
