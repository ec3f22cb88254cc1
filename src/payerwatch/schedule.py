"""What is done without anybody asking for it, in one table: a name for the queue, how often, and what is done.

Importing it makes every step known to whoever takes jobs. What a row does must be harmless when it is done again.
"""

from datetime import timedelta

from payerwatch import forgetting, receiving
from payerwatch.alerts.actions import take_up_waiting_alerts
from payerwatch.audit.overdue_checkpoints import write_overdue_checkpoint
from payerwatch.deliveries.messages import take_up_waiting_messages
from payerwatch.jobs.enqueue import for_each_customer
from payerwatch.jobs.periodic import Periodic
from payerwatch.judging import asked_runs, nights
from payerwatch.members.kept_answers import forget_all_old
from payerwatch.reports.actions import take_up_waiting_reports
from payerwatch.tenancy.context import acting_in

LOOK, HOUR, NIGHT = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


def vouch_for_all_chains() -> None:
    write_overdue_checkpoint(None)
    for_each_customer(write_overdue_checkpoint)


def forget_old_answers() -> None:
    for_each_customer(_forget_old_answers_of)


def _forget_old_answers_of(customer_id: int) -> None:
    with acting_in(customer_id):
        forget_all_old()


PERIODIC = (
    Periodic("files that wait", LOOK, receiving.take_up_waiting, finds_waiting=True),
    Periodic("runs that wait", LOOK, asked_runs.take_up_waiting_runs, finds_waiting=True),
    Periodic("reports that wait", LOOK, take_up_waiting_reports, finds_waiting=True),
    Periodic("alerts and snoozes that are due", LOOK, take_up_waiting_alerts, finds_waiting=True),
    Periodic("messages that are due", LOOK, take_up_waiting_messages, finds_waiting=True),
    Periodic("nights that have begun", HOUR, nights.look_for_nights),
    Periodic("checkpoints that are overdue", NIGHT, vouch_for_all_chains, after=timedelta(hours=3)),
    Periodic("answers kept long enough", NIGHT, forget_old_answers, after=timedelta(hours=4)),
    Periodic("what was kept long enough", NIGHT, forgetting.forget_everywhere, after=timedelta(hours=5)),
)
