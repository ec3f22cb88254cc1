"""`rules/`: who is told of what, said in a sentence."""

from http import HTTPStatus
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.alerts import rules as actions
from payerwatch.alerts.models import Rule
from payerwatch.alerts.replay import replay_rule
from payerwatch.alerts.routing import CERTAINTIES
from payerwatch.deliveries.endpoints import UnknownEndpoint
from payerwatch.drift.models import DriftEvent
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import Dollars, DollarsGiven, OneOrNone, PublicId
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource, Shown

MOST_RECEIVERS = 50
UNUSABLE_TERMS = (
    NoLongerYours, actions.UnknownPayer, actions.UnknownCptGroup, actions.UnknownRecipient, UnknownEndpoint,
    actions.QuietHoursUnusable, actions.LevelContradicted,
)  # fmt: skip


def _ids(about: str, **kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=24), max_length=MOST_RECEIVERS, help_text=about, **kwargs
    )


_RECIPIENTS = "mbr_… of the members told by e-mail"
_ENDPOINTS = "end_… of the endpoints told; none means all that subscribe"


class RuleBody(serializers.ModelSerializer):
    """A rule. Blank means any."""

    id = PublicId(source="public_id", help_text="rul_…")
    sentence = serializers.SerializerMethodField(help_text="the rule in plain words")
    payer = serializers.CharField(
        source="payer.name", read_only=True, allow_null=True, help_text="the payer's name; null means any"
    )
    measure = OneOrNone(DriftEvent.Measure.choices)
    direction = OneOrNone(DriftEvent.Direction.choices)
    level = OneOrNone(Rule.Level.choices)
    certainty = serializers.ChoiceField(CERTAINTIES, read_only=True, help_text="at least")
    least_amount = Dollars(allow_null=False, help_text="at risk, in dollars")
    recipients = _ids(_RECIPIENTS, read_only=True)
    endpoints = _ids(_ENDPOINTS, read_only=True)

    class Meta:
        model = Rule
        fields = [
            "id", "name", "sentence", "measure", "direction", "level", "certainty", "least_amount", "payer",
            "cpt_group", "recipients", "endpoints", "cadence", "digest_hour", "quiet_from", "quiet_until",
            "cool_down_hours", "enabled", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_sentence(self, rule: Rule) -> str:
        return actions.rule_sentence(rule)


class ChangedRule(serializers.Serializer):
    """What a rule says; what is left out stays as it is."""

    name = serializers.CharField(max_length=100, allow_blank=True, help_text="what it is for")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices, allow_blank=True, help_text="blank means any")
    direction = serializers.ChoiceField(DriftEvent.Direction.choices, allow_blank=True, help_text="blank means any")
    level = serializers.ChoiceField(
        Rule.Level.choices, allow_blank=True, help_text="only payers as a whole, or only CPT groups; blank means any"
    )
    certainty = serializers.ChoiceField(CERTAINTIES, help_text="at least")
    least_amount = DollarsGiven(help_text="at risk, in dollars")
    payer = serializers.CharField(max_length=200, allow_null=True, help_text="the payer's name; null means any")
    cpt_group = serializers.CharField(max_length=40, allow_blank=True, help_text="blank means any")
    recipients = _ids(_RECIPIENTS)
    endpoints = _ids(_ENDPOINTS)
    cadence = serializers.ChoiceField(Rule.Cadence.choices, help_text="at once, or in a daily digest")
    digest_hour = serializers.IntegerField(min_value=0, max_value=23, help_text="of the customer's day")
    quiet_from = serializers.IntegerField(
        min_value=0, max_value=23, allow_null=True, help_text="the hour in which quiet begins; null for none"
    )
    quiet_until = serializers.IntegerField(
        min_value=0, max_value=23, allow_null=True, help_text="the hour in which quiet ends"
    )
    cool_down_hours = serializers.IntegerField(
        min_value=actions.COOL_DOWN_HOURS[0],
        max_value=actions.COOL_DOWN_HOURS[-1],
        help_text="between two alerts about the same payer and CPT group",
    )
    enabled = serializers.BooleanField(help_text="whether it tells anything")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in self.fields.values():
            each.required = False


class NewRule(ChangedRule):
    """A rule that tells of all that is likely and gets worse, unless it says otherwise."""


class ReplayBody(serializers.Serializer):
    """What a rule would have told in 90 days."""

    until = serializers.DateField(read_only=True, help_text="the last of the 90 days: the end of the last week judged")
    weeks = serializers.IntegerField(min_value=0, read_only=True, help_text="judged weeks that were looked at")
    would_have_sent = serializers.IntegerField(min_value=0, read_only=True)
    confirmed = serializers.IntegerField(min_value=0, read_only=True, help_text="of these, found to be real")
    noise = serializers.IntegerField(min_value=0, read_only=True, help_text="of these, found to be noise")
    sentence = serializers.CharField(read_only=True)


class Rules(Listed, Shown, Resource):
    """Rules, and what they would have told."""

    thing = "rule"
    verbs: ClassVar = {"create": "add", "partial_update": "change", "destroy": "remove"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "replay"), Permission.READ_EVENTS),
        **dict.fromkeys(("create", "partial_update", "destroy"), Permission.MANAGE_RULES),
    }
    takes: ClassVar = {"create": NewRule, "partial_update": ChangedRule}
    gives: ClassVar = {
        "create": Gives(RuleBody, HTTPStatus.CREATED),
        "partial_update": Gives(RuleBody),
        "destroy": NOTHING,
        "replay": Gives(ReplayBody),
    }
    refuses: ClassVar = {
        "create": [*UNUSABLE_TERMS, actions.TooManyRules],
        "partial_update": UNUSABLE_TERMS,
        "destroy": [NoLongerYours],
    }
    guarded: ClassVar = frozenset({"partial_update", "destroy"})
    order = ("pk",)
    serializer_class = RuleBody

    def get_queryset(self) -> QuerySet[Rule]:
        return actions.rules()

    def create(self, request: Request) -> Response:
        """Add a rule. It tells of what is open now, from the next judgement on."""
        return self.answer(actions.add_rule(self.body(), actor=self.caller.actor))

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change what it says."""
        asked = self.body()
        return self.answer(actions.change_rule(self.get_object(), asked, actor=self.caller.actor))

    def destroy(self, request: Request, public_id: str) -> Response:
        """Remove a rule. What it has told stays to be looked up."""
        actions.remove_rule(self.get_object(), actor=self.caller.actor)
        return self.answer()

    def replay(self, request: Request, public_id: str) -> Response:
        """What this rule would have sent in 90 days up to the last week judged, and what people found that to be."""
        return self.answer(replay_rule(self.get_object()))
