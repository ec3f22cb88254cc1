"""Asking a build, before anybody else does, whatever may be read; and the build before the same, to compare.

The key is some customer's, with scopes that may read and nothing more. Without one only what is open to all is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from payerwatch.release.asking import HEALTH, Answer, Asker
from payerwatch.release.layout import Layout
from payerwatch.release.refusals import Trouble

SCHEMA = "/api/v1/schema/"
QUICK = (HEALTH, "/api/v1/", "/api/v1/auth/sign-in/")
LONG = (SCHEMA, "/api/v1/docs/")
"""Asked for last: a slow build is found by what takes little."""
ROUNDS = 3
"""The first one loads; of the others the quicker counts, as both builds share the machine with all who ask."""
SLOWER, SLOWER_BY = 3.0, 0.2
"""How many times as long, and by how many seconds, all answers together must take to be called slower."""
NO_ANSWER = 10.0
"""Seconds after which there is none."""


@dataclass
class Rehearsal:
    layout: Layout
    asker: Asker
    build: str
    before: str | None
    key: str = ""

    def hold(self) -> int:
        """How many addresses were asked for. Raises Trouble for one that fails, or as soon as all take far longer."""
        took = took_before = 0.0
        asked = read = 0
        for address in self._addresses():
            answers = self._asked(self.build, address)
            earlier = self._asked(self.before, address) if self.before else []
            _refuse_failing(address, answers[-1], earlier[-1] if earlier else None)
            asked += 1
            read += address not in QUICK + LONG and _status(answers[-1]) == HTTPStatus.OK
            if self.before:
                took, took_before = took + _quickest(answers), took_before + _quickest(earlier)
                self._refuse_slower(took, took_before)
        if self.key and not read:
            raise Trouble("With the key that was given nothing can be read: it has ended, or is another database's.")
        return asked

    def _addresses(self) -> Iterator[str]:
        yield from QUICK
        yield from self._readable()
        yield from LONG

    def _readable(self) -> Iterator[str]:
        """Every address of the API that is read without naming a thing."""
        socket = self.layout.socket(self.build)
        answer = self.asker.ask(socket, SCHEMA, seconds=NO_ANSWER) if self.key else None
        paths = answer.document.get("paths", {}) if answer is not None else {}
        for path, operations in paths.items():
            required = [each for each in operations.get("get", {}).get("parameters", ()) if each.get("required")]
            address = path if path.startswith("/api/") else f"/api/v1{path}"
            if "get" in operations and "{" not in path and not required and address not in QUICK + LONG:
                yield address

    def _asked(self, build: str | None, address: str) -> list[Answer | None]:
        socket = self.layout.socket(str(build))
        return [self.asker.ask(socket, address, token=self.key, seconds=NO_ANSWER) for _ in range(ROUNDS)]

    def _refuse_slower(self, took: float, took_before: float) -> None:
        if took > SLOWER * took_before and took > took_before + SLOWER_BY:
            raise Trouble(f"It is slower: what takes {self.before} {took_before:.2f} s takes it {took:.2f}.")


def _refuse_failing(address: str, now: Answer | None, before: Answer | None) -> None:
    """Raises Trouble for what is no answer, or a worse one than that of the build before. A throttle is no fault."""
    failed = _status(now) >= HTTPStatus.INTERNAL_SERVER_ERROR
    worse = _status(before) == HTTPStatus.OK and _status(now) not in (HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS)
    failed_before = before is not None and _status(before) >= HTTPStatus.INTERNAL_SERVER_ERROR
    if worse or (failed and not failed_before):
        raise Trouble(f"Asked for {address} it fails: {reason_of(now)}")


def _status(answer: Answer | None) -> int:
    return answer.status if answer is not None else HTTPStatus.GATEWAY_TIMEOUT


def _quickest(answers: Sequence[Answer | None]) -> float:
    return min(each.seconds if each is not None else NO_ANSWER for each in answers[1:])


def reason_of(answer: Answer | None) -> str:
    if answer is None:
        return "there was no answer."
    return f"{answer.status}. {answer.document.get('detail', '')}".strip()
