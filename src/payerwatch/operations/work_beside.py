"""A worker beside the server, so that a small installation needs one command."""

import logging
import os
import subprocess
import sys
import threading
import time

_COMMAND = (sys.executable, "-P", "-m", "payerwatch", "work", "--parent")
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_HAS_WORKED = 10.0  # seconds that one must have lived not to be taken for one that cannot begin
_ENDS_WITHIN = 25.0  # a little longer than a worker finishes what it has begun

logger = logging.getLogger(__name__)


class WorkBeside:
    """`payerwatch work` in a process of its own: started anew when it ends, and ended with the server."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="work", daemon=True)
        self._forking = threading.Lock()

    def start(self) -> None:
        """The server forks its processes meanwhile, and later: one at a time."""
        done = self._forking.release
        os.register_at_fork(before=self._forking.acquire, after_in_parent=done, after_in_child=done)
        self._thread.start()

    def stop(self) -> None:
        """Let it finish what it has begun; what takes too long is left to others."""
        self._ending.set()
        process = self._process
        if process is None:
            return
        process.terminate()
        self._thread.join(_ENDS_WITHIN)
        if self._thread.is_alive():
            process.kill()

    def _keep_running(self) -> None:
        command, pause = [*_COMMAND, str(os.getpid())], _SHORTEST_PAUSE
        while not self._ending.is_set():
            # A process forked just now would hold the pipe by whose end Popen knows that the command has begun: Popen
            # would wait for as long as that process lives, and a worker that ends would not be started again.
            with self._forking:
                began = time.monotonic()
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            if self._ending.is_set():
                self._process.terminate()
            self._process.wait()
            if time.monotonic() - began >= _HAS_WORKED:
                pause = _SHORTEST_PAUSE
            if not self._ending.wait(pause):
                logger.warning("The worker beside the server has ended: it is started again.")
            pause = min(2 * pause, _LONGEST_PAUSE)
