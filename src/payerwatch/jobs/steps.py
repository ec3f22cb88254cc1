"""The steps there are: a queue names them in words, and only those that were declared can be put on it or run.

    @step
    def load_received(customer_id: int, public_id: str) -> None: ...

    @when_parked(load_received)
    def tell_that_it_failed(customer_id: int, public_id: str) -> None: ...

A step is told the customer and the public id of its cause, and enters the customer itself. That its cause is stored
as waiting is its memory: a step finds it so and does it, or finds it done and does nothing, so that it may be put on
the queue as often as one likes.

A step that sends to others declares itself by `@sending_step`: it mostly waits for them, and has threads of its own, so
that slow receivers keep no file from being loaded, and large files nobody from being told.
"""

from collections.abc import Callable

Step = Callable[[int, str], None]

WORK, SENDING = "payerwatch", "payerwatch_sending"
"""The queues: of steps that compute, and of those that send."""

_DECLARED: dict[str, Step] = {}
_SEND: set[str] = set()
_TOLD: dict[str, Step] = {}


class StepNotDeclared(Exception):
    """A function that did not declare itself a step was to be put on the queue, or a name in the queue is none's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no step. Write @step above it, in a module that payerwatch.schedule imports.")


def step(run: Step) -> Step:
    """Declare a function of a module to be a step."""
    name = _written(run)
    if "<" in name:
        raise StepNotDeclared(name)  # a function within another: no other process could find it
    declare(name, run)
    return run


def sending_step(run: Step) -> Step:
    """Declare a function of a module to be a step that sends."""
    step(run)
    _SEND.add(name_of(run))
    return run


def queue_of(name: str) -> str:
    """Where jobs of a step wait."""
    return SENDING if name in _SEND else WORK


def declare(name: str, run: Step) -> None:
    """Let a name in the queue mean this."""
    _DECLARED[name] = run


def when_parked(parked: Step) -> Callable[[Step], Step]:
    """Call the function when the step has failed for good, so that what waited for it says so."""

    def told(tell: Step) -> Step:
        _TOLD[name_of(parked)] = tell
        return tell

    return told


def name_of(run: Step) -> str:
    """What the queue calls the step: its module and its name there. Raises StepNotDeclared."""
    name = _written(run)
    if _DECLARED.get(name) is not run:
        raise StepNotDeclared(name)
    return name


def step_named(name: str) -> Step:
    """Raises StepNotDeclared."""
    if name not in _DECLARED:
        raise StepNotDeclared(name)
    return _DECLARED[name]


def told_when_parked(name: str) -> Step | None:
    return _TOLD.get(name)


def _written(run: Step) -> str:
    return f"{run.__module__}.{getattr(run, '__qualname__', repr(run))}"
