"""Many at the same moment."""

import threading
from collections.abc import Callable

from django.db import connection


def at_once(count: int, act: Callable[[int], None]) -> None:
    """Each on a connection of its own, all beginning together; what one of them raises is raised."""
    barrier, failed = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            act(number)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    running = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    if failed:
        raise failed[0]
