"""What a build's own counts say of its answers, by method and route."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

_LINE = re.compile(r"^(payerwatch_http_\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Route(NamedTuple):
    method: str
    route: str

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass
class Answered:
    """How many were, how many of them by a fault of the server's, and in how many seconds together."""

    number: float = 0
    failed: float = 0
    seconds: float = 0

    def since(self, before: "Answered") -> "Answered":
        return Answered(self.number - before.number, self.failed - before.failed, self.seconds - before.seconds)

    @property
    def share_failed(self) -> float:
        return self.failed / self.number if self.number else 0.0

    @property
    def mean(self) -> float:
        return self.seconds / self.number if self.number else 0.0


Answers = Mapping[Route, Answered]


def read_answers(text: str) -> Answers:
    """From what `/metrics` says."""
    found: defaultdict[Route, Answered] = defaultdict(Answered)
    for name, labels, value in _LINE.findall(text):
        named = dict(_LABEL.findall(labels))
        route = Route(named.get("method", ""), named.get("route", ""))
        if name == "payerwatch_http_requests_total":
            found[route].number += float(value)
            found[route].failed += float(value) if named["status"] == "5xx" else 0
        elif name == "payerwatch_http_request_seconds_sum":
            found[route].seconds += float(value)
    return found


def since(now: Answers, before: Answers) -> Answers:
    return {route: told.since(before.get(route, Answered())) for route, told in now.items()}
