"""What waits: a step, for which customer, and the public id of what caused it. Nothing else is ever put on a queue."""

from typing import NamedTuple

from payerwatch.jobs.steps import step_named


class Job(NamedTuple):
    step: str
    customer_id: int
    public_id: str

    @property
    def key(self) -> str:
        """One of a key waits, and one of a key runs."""
        return f"{self.step} {self.customer_id} {self.public_id}"

    def run(self) -> None:
        """Raises StepNotDeclared, and whatever the step raises."""
        step_named(self.step)(self.customer_id, self.public_id)
