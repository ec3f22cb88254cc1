"""A person at work: signs in, then asks by the weights of the tasks. Whatever is no success counts as a failure.

Each asks about four times a second: less than half of what the rate of a session lets through, which so can stand.
"""

import os
from itertools import cycle
from pathlib import Path
from random import Random

from locust import HttpUser, between
from locust.exception import StopUser

from loadtest.tasks import API, SIGN_IN, TASKS, Task, kept_callers

CALLERS = "LOADTEST_CALLERS"  # the variable that names their file
_callers = cycle(kept_callers(Path(os.environ[CALLERS])))


class Reader(HttpUser):
    wait_time = between(0.1, 0.3)

    def on_start(self) -> None:
        self.chance = Random()
        self.caller = next(_callers)
        who = {"email": self.caller.email, "password": self.caller.password}
        answer = self.client.post(f"{API}auth/token/", json=who, name=SIGN_IN)
        if not answer.ok:
            raise StopUser
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access']}"


def _asks(each: Task):
    def ask(reader: Reader) -> None:
        reader.client.get(API + each.address(reader.caller, reader.chance), name=each.name, allow_redirects=False)

    return ask


Reader.tasks = [ask for each in TASKS for ask in [_asks(each)] * each.weight]
