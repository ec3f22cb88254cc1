"""The tables of alerts: rules, alerts, verdicts."""

from django.db import models
from django.utils import timezone

from payerwatch.claims.models import Payer
from payerwatch.drift.models import DriftEvent
from payerwatch.sealing.fields import SealedTextField
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import TenantForeignKey, TenantModel


def new_rule_id() -> str:
    return new_public_id("rul")


def new_alert_id() -> str:
    return new_public_id("alr")


def new_verdict_id() -> str:
    return new_public_id("vrd")


class Rule(TenantModel):
    """Which drift events are told of, to whom and when. Blank means any."""

    class Level(models.TextChoices):
        PAYER = "payer"
        CPT_GROUP = "cpt_group"

    class Cadence(models.TextChoices):
        INSTANT = "instant"
        DAILY = "daily"

    public_id = models.CharField(max_length=24, default=new_rule_id, editable=False)
    name = models.CharField(max_length=100, blank=True)
    measure = models.CharField(max_length=16, choices=DriftEvent.Measure, blank=True)
    direction = models.CharField(
        max_length=6, choices=DriftEvent.Direction, default=DriftEvent.Direction.WORSE, blank=True
    )
    level = models.CharField(
        max_length=9, choices=Level, blank=True, help_text="only payers as a whole, or only their CPT groups"
    )
    certainty = models.CharField(max_length=12, default="likely", help_text="at least")
    least_amount = models.BigIntegerField(default=0, help_text="at risk, in cents")
    payer = TenantForeignKey(Payer, null=True, on_delete=models.PROTECT, related_name="+")
    cpt_group = models.CharField(max_length=40, blank=True)
    recipients = models.JSONField(default=list, help_text="the public ids of the members it tells by e-mail")
    endpoints = models.JSONField(default=list, help_text="those of the endpoints it tells; none: all that subscribe")
    cadence = models.CharField(max_length=7, choices=Cadence, default=Cadence.INSTANT)
    digest_hour = models.SmallIntegerField(default=7, help_text="of the customer's day, for a daily digest")
    quiet_from = models.SmallIntegerField(null=True, help_text="the hour of the customer's day in which quiet begins")
    quiet_until = models.SmallIntegerField(null=True, help_text="the hour in which it ends")
    cool_down_hours = models.IntegerField(default=24, help_text="between two alerts about the same payer and CPT group")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, help_text="what it has sent is kept, so it is too")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "public_id"], name="alerts_rule_public_id_unique")]

    def __str__(self) -> str:
        return self.public_id


class AboutSeries(TenantModel):
    """What tells a drift event from all others, whatever becomes of its row: undone and judged again, it is the same.

    The event's own row is named beside it as long as there is one.
    """

    event = TenantForeignKey(DriftEvent, null=True, on_delete=models.SET_NULL, related_name="+")
    measure = models.CharField(max_length=16, choices=DriftEvent.Measure)
    payer = TenantForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    cpt_group = models.CharField(max_length=40, blank=True)
    direction = models.CharField(max_length=6, choices=DriftEvent.Direction)
    episode = models.IntegerField()

    class Meta(TenantModel.Meta):
        abstract = True


SERIES = ("measure", "payer", "cpt_group", "direction", "episode")


class Alert(AboutSeries):
    """One thing that a rule tells of: a drift event when it is first seen, and each time it has doubled since."""

    class State(models.TextChoices):
        WAITING = "waiting"
        HELD = "held"
        SENT = "sent"
        CANCELLED = "cancelled"

    class WaitsFor(models.TextChoices):
        TIME = "time"
        SNOOZE = "snooze"
        FEED = "feed"

    class Because(models.TextChoices):
        NOISE_VERDICTS = "noise_verdicts"
        NOBODY_TO_TELL = "nobody_to_tell"
        OVER = "over"
        TAKEN_BACK = "taken_back"
        TRIAGED = "triaged"
        RULE_REMOVED = "rule_removed"
        NO_LONGER_SO = "no_longer_so"

    public_id = models.CharField(max_length=24, default=new_alert_id, editable=False)
    rule = TenantForeignKey(Rule, on_delete=models.PROTECT, related_name="alerts")
    escalation = models.IntegerField(default=0)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    waits_for = models.CharField(max_length=6, choices=WaitsFor, blank=True)
    due_at = models.DateTimeField(null=True, help_text="of one that waits for its time")
    because = models.CharField(max_length=14, choices=Because, blank=True, help_text="why it was held or cancelled")
    certainty = models.CharField(max_length=12)
    amount_at_risk = models.BigIntegerField(null=True)
    sentence = models.TextField(help_text="the event in plain words, as it was then")
    raised_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, help_text="when it was sent, held or cancelled")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="alerts_alert_public_id_unique"),
            models.UniqueConstraint(fields=["customer", "rule", *SERIES, "escalation"], name="alerts_alert_once"),
        ]
        indexes = [
            models.Index(fields=["customer", "event"], name="alerts_alert_event"),
            models.Index(
                fields=["customer", "due_at"], condition=models.Q(state="waiting"), name="alerts_alert_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def verdict(self) -> "Verdict | None":
        """The one in force, of an alert that was read with its verdicts."""
        return next(iter(self.verdicts.all()), None)


class Verdict(AboutSeries):
    """What a person found an alert, or a drift event, to be. A later one on the same takes its place."""

    class Kind(models.TextChoices):
        REAL = "real"
        NOISE = "noise"
        NEEDS_FOLLOW_UP = "needs_follow_up"

    class Reason(models.TextChoices):
        POLICY_CHANGE = "policy_change"
        PAYER_ERROR = "payer_error"
        CONTRACT_CHANGE = "contract_change"
        OUR_CODING = "our_coding"
        OUR_DATA = "our_data"
        EXPECTED = "expected"
        TOO_SMALL = "too_small"
        OTHER = "other"

    public_id = models.CharField(max_length=24, default=new_verdict_id, editable=False)
    alert = TenantForeignKey(Alert, null=True, on_delete=models.PROTECT, related_name="verdicts")
    kind = models.CharField(max_length=15, choices=Kind)
    reason = models.CharField(max_length=15, choices=Reason, blank=True)
    recovered_amount = models.BigIntegerField(null=True, help_text="in cents")
    note = SealedTextField(null=True, purpose="verdict.note")
    given_by = models.CharField(max_length=24, blank=True, help_text="the public id of the person or key")
    given_at = models.DateTimeField(default=timezone.now, editable=False)
    superseded_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="alerts_verdict_public_id_unique")
        ]
        indexes = [
            models.Index(fields=["customer", "payer", "cpt_group", "given_at"], name="alerts_verdict_pair"),
            models.Index(fields=["customer", "alert"], name="alerts_verdict_alert"),
        ]

    def __str__(self) -> str:
        return self.public_id
