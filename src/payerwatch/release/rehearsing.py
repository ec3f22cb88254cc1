"""Asking a build, before anybody else does, whatever may be read; and the build before the same, to compare.

The key is some customer's, with scopes that may read and nothing more. Without one only what is open to all is asked.
One that is no good is found by the first thing that is asked with it: more of that would use up what is allowed to
where it is asked from. What is throttled is asked again when it says, for as long as patience lasts; then it is counted
as what it is, neither good nor bad.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from payerwatch.release.asking import HEALTH, Answer, Asker
from payerwatch.release.layout import Layout
from payerwatch.release.patience import Patience, is_throttled
from payerwatch.release.refusals import NotRehearsed, Trouble

SCHEMA = "/api/v1/schema/"
KNOWS_WHO_ASKS = "/api/v1/customers/"
"""Answered 401 to a key that is none, whatever a key may do."""
OPEN_TO_ALL = (HEALTH, "/api/v1/", "/api/v1/auth/sign-in/")
ROUNDS = 3
"""The first one loads; of the others the quicker counts, as both builds share the machine with all who ask."""
SLOWER, SLOWER_BY = 3.0, 0.2
"""How many times as long, and by how many seconds, all answers together must take to be called slower."""
LOOKS = 3
"""It must be so each time of so many: a machine may be busy for a while, as it is where a build has just begun."""
NO_ANSWER, NO_DESCRIPTION = 10.0, 60.0
"""Seconds after which there is none. The API's own description is put together when it is first asked for."""


@dataclass
class Found:
    """How many addresses were answered in which way."""

    good: int = 0
    not_allowed: int = 0
    """To this key."""
    throttled: int = 0
    no_worse: int = 0
    """Not well, and no worse than by the build before."""
    try_again_in: int = 0
    """Seconds, the most that what was throttled asks for."""

    def note(self, answer: Answer | None) -> None:
        status = _status(answer)
        if answer is not None and is_throttled(answer):
            self.try_again_in = max(self.try_again_in, answer.retry_after or 0)
        self.good += status == HTTPStatus.OK
        self.not_allowed += status == HTTPStatus.FORBIDDEN
        self.throttled += status == HTTPStatus.TOO_MANY_REQUESTS
        self.no_worse += status not in (HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)

    @property
    def is_too_little(self) -> bool:
        """Whether more was throttled than was not."""
        return self.throttled > self.good + self.not_allowed + self.no_worse

    def __str__(self) -> str:
        beside = {
            f"{self.not_allowed} this key may not read": self.not_allowed,
            f"{self.throttled} were throttled, so nothing is known of them": self.throttled,
            f"{self.no_worse} neither well nor worse than before": self.no_worse,
        }
        good = f"{self.good} addresses are answered as they should be"
        return "; ".join([good, *(words for words, number in beside.items() if number)]) + "."


@dataclass
class Rehearsal:
    layout: Layout
    asker: Asker
    build: str
    before: str | None
    key: str = ""
    say: Callable[[str], None] = field(default=print)
    found: Found = field(default_factory=Found)
    _timed: list[str] = field(default_factory=list)
    _took: float = 0.0
    _took_before: float = 0.0
    _looks_left: int = LOOKS - 1

    def __post_init__(self) -> None:
        self._patience = Patience(self.asker, self.say)

    def try_key(self) -> None:
        """By the build before, which is known to be good. Raises NotRehearsed for one that is none."""
        if not self.key:
            return
        answer = self._ask(self.before or self.build, KNOWS_WHO_ASKS)
        _refuse_throttled(KNOWS_WHO_ASKS, answer)
        _refuse_no_key(answer)

    def hold(self) -> Found:
        """How what was asked for is answered.

        Raises Trouble for an address that fails, or as soon as all take far longer; NotRehearsed where nothing can be
        read with the key, or most is throttled.
        """
        self.try_key()
        self._compare(OPEN_TO_ALL)  # which take little, so that a slow build is found soon
        listed = self._listed()
        read_by_all = self.found.good
        if self.key:
            self._compare(listed)
        if self.found.is_too_little:
            raise NotRehearsed(f"Most is throttled. {self.found} {_try_again(self.found.try_again_in)}")
        if self.key and self.found.good == read_by_all:
            raise NotRehearsed("With the key that was given nothing can be read: it needs scopes that read.")
        return self.found

    def _compare(self, addresses: Sequence[str]) -> None:
        """Raises Trouble."""
        for address in addresses:
            answers = self._asked(self.build, address)
            earlier = self._asked(self.before, address) if self.before else []
            _refuse_failing(address, answers[-1], earlier[-1] if earlier else None)
            _refuse_no_key(answers[-1])
            self.found.note(answers[-1])
            if self._time(answers, earlier):
                self._timed.append(address)
                self._refuse_slower()

    def _time(self, answers: Sequence[Answer | None], earlier: Sequence[Answer | None]) -> bool:
        """Whether it can be said how long it takes both builds: where neither was throttled."""
        if not len(answers) == len(earlier) == ROUNDS:
            return False
        self._took += _quickest(answers)
        self._took_before += _quickest(earlier)
        return True

    def _listed(self) -> list[str]:
        """Every address of the API that is read without naming a thing. Raises Trouble, and NotRehearsed."""
        answer = self._ask(self.build, SCHEMA, seconds=NO_DESCRIPTION)
        _refuse_throttled(SCHEMA, answer)
        if answer is None or answer.status != HTTPStatus.OK:
            raise Trouble(f"Asked for {SCHEMA} it fails: {reason_of(answer)}")
        return list(_read_without_a_name(answer.document.get("paths", {})))

    def _asked(self, build: str, address: str) -> list[Answer | None]:
        """As often as there are rounds, but for what further rounds would not change."""
        answers: list[Answer | None] = []
        while len(answers) < ROUNDS and not (answers and _ends_rounds(answers[-1])):
            answers.append(self._ask(build, address))
        return answers

    def _ask(self, build: str, address: str, *, seconds: float = NO_ANSWER) -> Answer | None:
        return self._patience.ask(self.layout.socket(build), address, token=self.key, seconds=seconds)

    def _refuse_slower(self) -> None:
        """Raises Trouble."""
        while self._is_slower():
            if not self._looks_left:
                raise Trouble(
                    f"It is slower: what takes {self.before} {self._took_before:.2f} s takes it {self._took:.2f}."
                )
            self._looks_left -= 1
            self._took = self._took_before = 0.0
            for address in self._timed:
                self._time(self._asked(self.build, address), self._asked(str(self.before), address))

    def _is_slower(self) -> bool:
        return self._took > SLOWER * self._took_before and self._took > self._took_before + SLOWER_BY


def _read_without_a_name(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        required = [each for each in operations.get("get", {}).get("parameters", ()) if each.get("required")]
        address = path if path.startswith("/api/") else f"/api/v1{path}"
        if "get" in operations and "{" not in path and not required and address not in (*OPEN_TO_ALL, SCHEMA):
            yield address


def _refuse_failing(address: str, now: Answer | None, before: Answer | None) -> None:
    """Raises Trouble for what is no answer, or a worse one than that of the build before. A throttle is no fault."""
    failed = _status(now) >= HTTPStatus.INTERNAL_SERVER_ERROR
    worse = _status(before) == HTTPStatus.OK and _status(now) != HTTPStatus.OK and not is_throttled(now)
    failed_before = before is not None and _status(before) >= HTTPStatus.INTERNAL_SERVER_ERROR
    if worse or (failed and not failed_before):
        raise Trouble(f"Asked for {address} it fails: {reason_of(now)}")


def _refuse_throttled(address: str, answer: Answer | None) -> None:
    """Raises NotRehearsed: without this answer nothing can be asked."""
    if answer is not None and is_throttled(answer):
        raise NotRehearsed(f"{address} is throttled: too much was asked of late. {_try_again(answer.retry_after)}")


def _try_again(seconds: int | None) -> str:
    return f"Try again in {seconds} seconds." if seconds else "Try again later."


def _refuse_no_key(answer: Answer | None) -> None:
    """Raises NotRehearsed."""
    if _status(answer) == HTTPStatus.UNAUTHORIZED:
        raise NotRehearsed("The key that was given is refused: it is none, has ended, or is another database's.")


def _ends_rounds(answer: Answer | None) -> bool:
    return is_throttled(answer) or _status(answer) == HTTPStatus.UNAUTHORIZED


def _status(answer: Answer | None) -> int:
    return answer.status if answer is not None else HTTPStatus.GATEWAY_TIMEOUT


def _quickest(answers: Sequence[Answer | None]) -> float:
    return min(each.seconds if each is not None else NO_ANSWER for each in answers[1:])


def reason_of(answer: Answer | None) -> str:
    if answer is None:
        return "there was no answer."
    return f"{answer.status}. {answer.document.get('detail', '')}".strip()
