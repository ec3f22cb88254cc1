"""Asking a build, before anybody else does, whatever may be read; and the build before the same, to compare.

The key is some customer's, with scopes that may read and nothing more. Without one only what is open to all is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from payerwatch.release.asking import HEALTH, Answer, Asker
from payerwatch.release.layout import Layout
from payerwatch.release.refusals import Trouble

SCHEMA = "/api/v1/schema/"
OPEN_TO_ALL = (HEALTH, "/api/v1/", "/api/v1/auth/sign-in/")
ROUNDS = 3
"""The first one loads; of the others the quicker counts, as both builds share the machine with all who ask."""
SLOWER, SLOWER_BY = 3.0, 0.2
"""How many times as long, and by how many seconds, all answers together must take to be called slower."""
NO_ANSWER, NO_DESCRIPTION = 10.0, 60.0
"""Seconds after which there is none. The API's own description is put together when it is first asked for."""


@dataclass
class Rehearsal:
    layout: Layout
    asker: Asker
    build: str
    before: str | None
    key: str = ""
    _took: float = 0.0
    _took_before: float = 0.0

    def hold(self) -> int:
        """How many addresses were asked for. Raises Trouble for one that fails, or as soon as all take far longer."""
        self._compare(OPEN_TO_ALL)  # which take little, so that a slow build is found soon
        listed = self._listed()
        if not self.key:
            return len(OPEN_TO_ALL)
        if not self._compare(listed):
            raise Trouble("With the key that was given nothing can be read: it has ended, or is another database's.")
        return len(OPEN_TO_ALL) + len(listed)

    def _compare(self, addresses: Sequence[str]) -> int:
        """How many of them can be read. Raises Trouble."""
        read = 0
        for address in addresses:
            answers = self._asked(self.build, address)
            earlier = self._asked(self.before, address) if self.before else []
            _refuse_failing(address, answers[-1], earlier[-1] if earlier else None)
            read += _status(answers[-1]) == HTTPStatus.OK
            if self.before:
                self._took += _quickest(answers)
                self._took_before += _quickest(earlier)
                self._refuse_slower()
        return read

    def _listed(self) -> list[str]:
        """Every address of the API that is read without naming a thing. Raises Trouble."""
        answer = self.asker.ask(self.layout.socket(self.build), SCHEMA, seconds=NO_DESCRIPTION)
        _refuse_failing(SCHEMA, answer, None)
        return list(_read_without_a_name(answer.document.get("paths", {}) if answer is not None else {}))

    def _asked(self, build: str | None, address: str) -> list[Answer | None]:
        socket = self.layout.socket(str(build))
        return [self.asker.ask(socket, address, token=self.key, seconds=NO_ANSWER) for _ in range(ROUNDS)]

    def _refuse_slower(self) -> None:
        if self._took > SLOWER * self._took_before and self._took > self._took_before + SLOWER_BY:
            raise Trouble(
                f"It is slower: what takes {self.before} {self._took_before:.2f} s takes it {self._took:.2f}."
            )


def _read_without_a_name(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        required = [each for each in operations.get("get", {}).get("parameters", ()) if each.get("required")]
        address = path if path.startswith("/api/") else f"/api/v1{path}"
        if "get" in operations and "{" not in path and not required and address not in (*OPEN_TO_ALL, SCHEMA):
            yield address


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
