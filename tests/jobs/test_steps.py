"""Only what declared itself a step can be put on the queue, and only that can be run from it."""

import pytest

from payerwatch.jobs.enqueue import again
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import StepNotDeclared, name_of, step, step_named
from tests.jobs.declared import note

pytestmark = pytest.mark.pure


def undeclared(_customer_id: int, _public_id: str) -> None:
    raise AssertionError


def test_a_step_is_named_by_its_module_and_its_name_there():
    assert name_of(note) == "tests.jobs.declared.note"
    assert step_named("tests.jobs.declared.note") is note


def test_what_did_not_declare_itself_is_refused_when_it_is_put():
    with pytest.raises(StepNotDeclared, match="undeclared"):
        again(undeclared, 1, "upl_2222222222222222")


@pytest.mark.parametrize("name", ["tests.jobs.test_steps.undeclared", "os.system", ""])
def test_a_name_of_none_is_not_run(name: str):
    with pytest.raises(StepNotDeclared):
        Job(name, 1, "upl_2222222222222222").run()


def test_a_function_within_another_cannot_be_a_step():
    """No other process could find it."""
    with pytest.raises(StepNotDeclared):
        step(lambda _customer_id, _public_id: None)
