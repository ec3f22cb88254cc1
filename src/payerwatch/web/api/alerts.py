"""`alerts/`: what was told to whom, what waits, what is held and why; and what people found it to be."""

from typing import ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.alerts.actions import AlertNotHeld, alerts, release_alert
from payerwatch.alerts.feedback import RecoveredNotReal, give_verdict
from payerwatch.alerts.models import Alert, Verdict
from payerwatch.alerts.routing import CERTAINTIES
from payerwatch.members.roles import Permission
from payerwatch.web.api.drift_events import Note
from payerwatch.web.api.fields import Dollars, DollarsGiven, OneOrNone, PublicId
from payerwatch.web.api.filtering import IdFilter
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class VerdictBody(serializers.ModelSerializer):
    """What a person found it to be."""

    id = PublicId(source="public_id", help_text="vrd_…")
    reason = OneOrNone(Verdict.Reason.choices)
    recovered_amount = Dollars(help_text="in dollars, of one that is real")

    class Meta:
        model = Verdict
        fields = ["id", "kind", "reason", "recovered_amount", "note", "given_by", "given_at"]
        read_only_fields = fields


class AlertBody(serializers.ModelSerializer):
    """An alert, and the verdict on it if there is one."""

    id = PublicId(source="public_id", help_text="alr_…")
    rule = PublicId(source="rule.public_id", help_text="rul_…")
    drift_event = PublicId(source="event.public_id", default=None, help_text="evt_…; null where it was taken back")
    payer = serializers.CharField(source="payer.name", read_only=True)
    cpt_group = serializers.CharField(read_only=True, help_text="empty for the payer as a whole")
    certainty = serializers.ChoiceField(CERTAINTIES, read_only=True, help_text="as it was then")
    amount_at_risk = Dollars(help_text="in dollars, as it was then")
    escalation = serializers.IntegerField(
        min_value=0, read_only=True, help_text="how often it has doubled since it was first told"
    )
    waits_for = OneOrNone(Alert.WaitsFor.choices)
    because = OneOrNone(Alert.Because.choices)
    verdict = VerdictBody(allow_null=True, read_only=True, help_text="what a person found it to be; null before")

    class Meta:
        model = Alert
        fields = [
            "id", "rule", "drift_event", "measure", "direction", "payer", "cpt_group", "episode", "certainty",
            "amount_at_risk", "escalation", "sentence", "state", "waits_for", "because", "due_at", "raised_at",
            "settled_at", "verdict",
        ]  # fmt: skip
        read_only_fields = fields


class Feedback(serializers.Serializer):
    """What you found the alert to be. Said again, it takes the place of what was said before."""

    verdict = serializers.ChoiceField(Verdict.Kind.choices, help_text="real, noise, or still to be looked into")
    reason = serializers.ChoiceField(Verdict.Reason.choices, default="", allow_blank=True)
    recovered_amount = DollarsGiven(
        default=None, allow_null=True, help_text="in dollars, if it was real and money came back"
    )
    note = Note()


class AlertFilter(filters.FilterSet):
    rule = IdFilter(field_name="rule__public_id", help_text="Alerts of the rule of this id.")
    drift_event = IdFilter(field_name="event__public_id", help_text="Alerts about the drift event of this id.")
    state = filters.ChoiceFilter(choices=Alert.State.choices, help_text="Alerts that are in this state now.")
    payer = filters.CharFilter(
        field_name="payer__name",
        lookup_expr="iexact",
        max_length=200,
        help_text="Alerts about the payer of exactly this name, in any case of letters.",
    )
    cpt_group = filters.CharFilter(max_length=40)
    measure = filters.ChoiceFilter(
        choices=Alert._meta.get_field("measure").choices,
        help_text="Alerts about the share of denials, or about how long decisions take.",
    )


class Alerts(Listed, Shown, Resource):
    """What rules have told, newest first."""

    thing = "alert"
    verbs: ClassVar = {"feedback": "judge"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), Permission.READ_EVENTS),
        **dict.fromkeys(("feedback", "release"), Permission.TRIAGE_EVENTS),
    }
    takes: ClassVar = {"feedback": Feedback}
    gives: ClassVar = {"feedback": Gives(AlertBody), "release": Gives(AlertBody)}
    refuses: ClassVar = {"feedback": [RecoveredNotReal], "release": [AlertNotHeld]}
    order = ("-pk",)
    serializer_class = AlertBody
    filterset_class = AlertFilter

    def get_queryset(self) -> QuerySet[Alert]:
        return alerts()

    def feedback(self, request: Request, public_id: str) -> Response:
        """Say what it was. Two that were noise within 30 days hold back the next about the payer and CPT group."""
        asked = self.body()
        give_verdict(self.get_object(), asked.pop("verdict"), **asked, actor=self.caller.actor)
        return self.answer(self.get_object())

    def release(self, request: Request, public_id: str) -> Response:
        """Let go what was held back: it is sent now, or cancelled where what had doubled has not any more."""
        release_alert(self.get_object(), actor=self.caller.actor)
        return self.answer(self.get_object())
