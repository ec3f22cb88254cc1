"""The tables of drift: run-off cells, drift runs, drift events. Weeks are written as their Monday."""

from datetime import date

from django.db import models
from django.utils import timezone

from payerwatch.claims.models import Payer
from payerwatch.sealing.fields import SealedTextField
from payerwatch.tenancy.absent_values import AbsentLowest
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import TenantForeignKey, TenantModel

ONE_OF_A_WEEK_AND_DATA, ONE_WAITS_FOR_A_DAY = "drift_driftrun_week_data_unique", "drift_driftrun_waiting_unique"


def new_run_id() -> str:
    return new_public_id("run")


def new_event_id() -> str:
    return new_public_id("evt")


class RunoffCell(TenantModel):
    """Claims counted by payer, CPT group, week of submission, weeks until the first decision and its outcome.

    The sufficient statistic of every measure: additive, so a load adds and subtracts, and equal at any time
    to a count from scratch. `lag_weeks` is the week of the decision less the week of submission, or PENDING.
    """

    PENDING = -1

    payer = TenantForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    cpt_group = models.CharField(max_length=40)
    submit_week = models.DateField()
    lag_weeks = models.SmallIntegerField()
    outcome = models.CharField(max_length=7)
    denial_category = models.CharField(max_length=24, blank=True)
    claims = models.BigIntegerField()
    billed_amount = models.BigIntegerField()
    allowed_amount = models.BigIntegerField()
    paid_amount = models.BigIntegerField()
    lag_days = models.BigIntegerField(help_text="days from submission to decision, summed")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "customer",
                    "submit_week",
                    "payer",
                    "cpt_group",
                    "lag_weeks",
                    "outcome",
                    "denial_category",
                ],
                name="drift_runoffcell_key_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.submit_week} +{self.lag_weeks} {self.outcome}: {self.claims}"


class DriftRun(TenantModel):
    """One judgement of one week on one state of the data; the same week and data give the same run.

    Who asks for one over the API gets its row at once, and the figures once it is judged: until then it has none.
    What was judged before on the same data is not kept twice: `same_as` names the run that has the figures.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused"

    public_id = models.CharField(max_length=24, default=new_run_id, editable=False)
    state = models.CharField(max_length=9, choices=State, default=State.DONE)
    as_of = models.DateField(null=True, help_text="the day asked for; none means the latest loaded")
    waiting_for = models.CharField(
        max_length=10,
        null=True,
        help_text="of one not begun: the day asked for, or latest; one waits for each",
    )
    begun_with = models.JSONField(null=True, help_text="how many files had been loaded, and taken back, as it began")
    as_of_week = models.DateField(null=True)
    data_version = models.CharField(max_length=64, null=True, help_text="SHA-256 of the cells the run was made from")
    series_checked = models.IntegerField(null=True)
    tests = models.IntegerField(null=True)
    not_judged = models.JSONField(default=dict, help_text="reason -> number of series")
    opened = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    closed = models.IntegerField(default=0)
    carried_at = models.DateTimeField(
        null=True, help_text="when it changed events; never, for a week before the newest run"
    )
    pending_known = models.BooleanField(null=True, help_text="false where the export holds decided claims only")
    data_feed_stalled = models.BooleanField(
        null=True, help_text="most payers fell silent together: the feed, not the payers"
    )
    nodes = models.JSONField(default=list, help_text="every payer and series with its figures, or why not judged")
    same_as = TenantForeignKey("self", null=True, on_delete=models.PROTECT, related_name="repeats")
    refusal = models.JSONField(null=True, help_text="why it was refused: code, message, where, fix")
    summary = models.JSONField(null=True, help_text="what people ask first, as it stood once events were changed")
    remapped_at = models.DateTimeField(null=True, help_text="when a mapping was changed after it had changed events")
    created_at = models.DateTimeField(default=timezone.now, editable=False, help_text="when it was asked for, or begun")
    ended_at = models.DateTimeField(null=True, help_text="when it was judged or refused")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "as_of_week", "data_version"], name=ONE_OF_A_WEEK_AND_DATA),
            models.UniqueConstraint(fields=["customer", "waiting_for"], name=ONE_WAITS_FOR_A_DAY),
            models.UniqueConstraint(fields=["customer", "public_id"], name="drift_driftrun_public_id_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def week(self) -> date:
        """The week judged, of a run that is."""
        assert self.as_of_week is not None
        return self.as_of_week


class DriftEvent(TenantModel):
    """A change in how a payer treats claims, from the week it was first flagged until it is over.

    One event per measure, payer, CPT group (blank for the payer as a whole), direction and episode; one of them open.
    """

    class Measure(models.TextChoices):
        DENIAL_RATE = "denial_rate"
        DAYS_TO_DECISION = "days_to_decision"

    class Direction(models.TextChoices):
        WORSE = "worse"
        BETTER = "better"

    class Tier(models.TextChoices):
        ALERT = "alert"
        WATCH = "watch"

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    class Triage(models.TextChoices):
        NEW = "new"
        ACKNOWLEDGED = "acknowledged"
        SNOOZED = "snoozed"
        NOISE = "noise"
        CLOSED = "closed"

    class Snooze(models.TextChoices):
        WORSE = "worse"
        UPLOAD = "upload"
        DATE = "date"

    public_id = models.CharField(max_length=24, default=new_event_id, editable=False)
    measure = models.CharField(max_length=16, choices=Measure)
    payer = TenantForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    cpt_group = models.CharField(max_length=40, blank=True)
    direction = models.CharField(max_length=6, choices=Direction)
    episode = models.IntegerField(default=1)
    parent = TenantForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    tier = models.CharField(max_length=5, choices=Tier, help_text="the highest of this episode")
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    is_open = models.BooleanField(null=True, help_text="true while it is, else null: of a series one is open at a time")
    certainty = models.CharField(max_length=12, help_text="very_likely, likely or watch, at its highest")
    first_week = models.DateField(help_text="first flagged in any tier")
    alert_week = models.DateField(null=True, help_text="first flagged as an alert")
    as_of_week = models.DateField(help_text="last judged")
    closed_week = models.DateField(null=True)
    window = models.JSONField(help_text="the window with the smallest p: kind, weeks, first_week, last_week")
    windows = models.JSONField(default=list, help_text="every window with its figures")
    baseline = models.JSONField(default=dict, help_text="weeks and figures the expectation was made from")
    observed = models.BigIntegerField(help_text="denials, or decisions, in the window")
    expected = models.FloatField()
    effect = models.FloatField(help_text="shrunken excess rate, or observed / expected decisions")
    p_value = models.FloatField()
    q_value = models.FloatField()
    claims = models.BigIntegerField(help_text="claims in the window")
    amount_at_risk = models.BigIntegerField(null=True)
    top_denial_category = models.CharField(max_length=24, null=True)
    provisional = models.BooleanField(default=False)
    history = models.JSONField(default=list, help_text="one entry per judged week, oldest first")
    returned_from = TenantForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+", help_text="the episode before, which was over"
    )
    triage = models.CharField(
        max_length=12, choices=Triage, default=Triage.NEW, db_default="new", help_text="what people do about it"
    )
    triage_reason = models.CharField(max_length=16, blank=True, db_default="")
    triage_note = SealedTextField(null=True, purpose="drift_event.note")
    triaged_by = models.CharField(
        max_length=24, blank=True, db_default="", help_text="the public id of the person or key"
    )
    triaged_at = models.DateTimeField(null=True)
    snooze = models.CharField(
        max_length=6, choices=Snooze, blank=True, db_default="", help_text="until when it is snoozed"
    )
    snoozed_until = models.DateField(null=True, help_text="of one that is snoozed until a date")
    snoozed_at_size = models.FloatField(null=True, help_text="how bad it was then: at risk, else claims too many")
    snoozed_in = models.CharField(max_length=6, blank=True, db_default="", default="", help_text="cents or claims")
    snoozed_at_upload = models.BigIntegerField(null=True, help_text="the newest upload then")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "measure", "payer", "cpt_group", "direction", "episode"],
                name="drift_driftevent_episode_unique",
            ),
            models.UniqueConstraint(
                fields=["customer", "measure", "payer", "cpt_group", "direction", "is_open"],
                name="drift_driftevent_open_unique",
            ),
            models.UniqueConstraint(fields=["customer", "public_id"], name="drift_driftevent_public_id_unique"),
        ]
        indexes = [
            models.Index(fields=["customer", "as_of_week", "id"], name="drift_driftevent_as_of_week"),
            models.Index(fields=["customer", "first_week", "id"], name="drift_driftevent_first_week"),
            models.Index("customer", AbsentLowest("amount_at_risk"), "id", name="drift_driftevent_amount"),
        ]

    def __str__(self) -> str:
        return self.public_id
