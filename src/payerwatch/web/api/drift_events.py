"""`drift-events/`: what changed in how payers treat claims."""

from collections.abc import Callable
from typing import Any, ClassVar, get_args

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.alerts.feedback import call_noise
from payerwatch.claims.denials import DENIAL_CATEGORIES
from payerwatch.drift.documents import event_document
from payerwatch.drift.judgement import Certainty
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.triage import (
    CLOSE_REASONS,
    LONGEST_NOTE,
    NOISE_REASONS,
    EventOver,
    SnoozeUnusable,
    Until,
    acknowledge_event,
    close_event,
    note_on_event,
    snooze_event,
)
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import Day, DayFilter
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class WindowBody(serializers.Serializer):
    kind = serializers.ChoiceField(
        ["decided", "submitted", "decisions"],
        help_text="claims by week of decision, by week of submission, or decisions against claims waiting",
    )
    weeks = serializers.IntegerField(min_value=1, max_value=1000)
    first_week = serializers.DateField(help_text="its first Monday")
    last_week = serializers.DateField(help_text="its last Monday")


class DriftEventBody(serializers.Serializer):
    """The event with its figures and the sentence people read."""

    id = PublicId(help_text="evt_…")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices)
    payer = serializers.CharField(max_length=200)
    cpt_group = serializers.CharField(max_length=40, allow_null=True, help_text="null for the payer as a whole")
    parent = PublicId(allow_null=True, help_text="evt_… of the payer as a whole")  # type: ignore[assignment]
    direction = serializers.ChoiceField(DriftEvent.Direction.choices)
    tier = serializers.ChoiceField(DriftEvent.Tier.choices, help_text="the highest of this episode")
    certainty = serializers.ChoiceField(get_args(Certainty), help_text="at its highest")
    status = serializers.ChoiceField(DriftEvent.Status.choices)
    episode = serializers.IntegerField(min_value=1, help_text="how often this was flagged and over, and this one")
    first_week = serializers.DateField(help_text="first flagged in any tier")
    alert_week = serializers.DateField(allow_null=True, help_text="first flagged as an alert")
    as_of_week = serializers.DateField(help_text="last judged")
    closed_week = serializers.DateField(allow_null=True)
    window = WindowBody(help_text="the weeks that show it best")
    observed = serializers.IntegerField(min_value=0, help_text="denials, or decisions, in the window")
    expected = serializers.FloatField(help_text="how many were to be expected")
    effect = serializers.FloatField(help_text="shrunken excess rate, or observed / expected decisions")
    p_value = serializers.FloatField(min_value=0, max_value=1)
    q_value = serializers.FloatField(min_value=0, max_value=1, help_text="p among all that was tested")
    claims = serializers.IntegerField(min_value=0, help_text="claims in the window")
    amount_at_risk = serializers.FloatField(allow_null=True, help_text="US dollars")
    top_denial_category = serializers.ChoiceField(DENIAL_CATEGORIES, allow_null=True)
    provisional = serializers.BooleanField(help_text="whether later decisions may still undo it")
    returned_from = PublicId(allow_null=True, help_text="evt_… of the episode before, which was over: it is back again")
    triage = serializers.ChoiceField(DriftEvent.Triage.choices, help_text="what people do about it")
    triage_reason = serializers.ChoiceField(
        ["", *NOISE_REASONS, *CLOSE_REASONS], help_text="why it is noise, or why it was closed"
    )
    snoozed_until = serializers.CharField(
        allow_null=True, help_text="worse, upload, or a date; null where it is not snoozed"
    )
    note = serializers.CharField(help_text="of your team; empty where there is none")
    sentence = serializers.CharField(help_text="the event in plain words")

    def to_representation(self, event: DriftEvent) -> dict[str, Any]:
        return dict(super().to_representation(event_document(event)))


class Note(serializers.CharField):
    """What a team tells itself; without one the note that is there stays."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=LONGEST_NOTE,
            default=None,
            allow_null=True,
            allow_blank=True,
            help_text="for your team; name no patient",
            **kwargs,
        )


class DriftEventFilter(filters.FilterSet):
    payer = filters.CharFilter(
        field_name="payer__name",
        lookup_expr="iexact",
        max_length=200,
        help_text="Events of the payer of exactly this name, in any case of letters.",
    )
    cpt_group = filters.CharFilter(max_length=40)
    measure = filters.ChoiceFilter(
        choices=DriftEvent.Measure.choices, help_text="Events of the share of denials, or of how long decisions take."
    )
    direction = filters.ChoiceFilter(
        choices=DriftEvent.Direction.choices,
        help_text="Events of payers that treat claims worse than expected, or better.",
    )
    tier = filters.ChoiceFilter(
        choices=DriftEvent.Tier.choices,
        help_text="Events of this tier at their highest: alerts, or what is only watched.",
    )
    certainty = filters.ChoiceFilter(
        choices=[(each, each) for each in get_args(Certainty)],
        help_text="Events that were this likely to be real, at their highest.",
    )
    status = filters.ChoiceFilter(choices=DriftEvent.Status.choices, help_text="Events of this status now.")
    triage = filters.ChoiceFilter(
        choices=DriftEvent.Triage.choices, help_text="Events of which people have done this, or nothing yet (new)."
    )
    first_week_from = DayFilter(
        field_name="first_week",
        lookup_expr="gte",
        help_text="Events first flagged in the week of this Monday or later.",
    )
    first_week_to = DayFilter(
        field_name="first_week",
        lookup_expr="lte",
        help_text="Events first flagged in the week of this Monday or earlier.",
    )
    search = filters.CharFilter(
        method="found_by",
        max_length=200,
        help_text="Events of payers whose name begins so, or of the CPT group of exactly this name.",
    )

    def found_by(self, events: QuerySet[DriftEvent], _name: str, term: str) -> QuerySet[DriftEvent]:
        return events.filter(Q(payer__name__istartswith=term) | Q(cpt_group__iexact=term))


class Acknowledging(serializers.Serializer):
    note = Note()


class Snoozing(Acknowledging):
    until = serializers.ChoiceField(DriftEvent.Snooze.choices, help_text="worse by a quarter, the next upload, a date")
    date = Day(default=None, allow_null=True, help_text="of a snooze until a date: the day on which it comes back")


class CallingNoise(Acknowledging):
    reason = serializers.ChoiceField([(each, each) for each in NOISE_REASONS])


class Closing(Acknowledging):
    reason = serializers.ChoiceField([(each, each) for each in CLOSE_REASONS])


class Noting(serializers.Serializer):
    note = serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True, help_text="empty takes it away")


TRIAGE = ("acknowledge", "snooze", "noise", "close", "note")


class DriftEvents(Listed, Shown, Resource):
    thing = "drift_event"
    verbs: ClassVar = {"noise": "mark_noise"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), Permission.READ_EVENTS),
        **dict.fromkeys(TRIAGE, Permission.TRIAGE_EVENTS),
    }
    takes: ClassVar = {
        "acknowledge": Acknowledging, "snooze": Snoozing, "noise": CallingNoise, "close": Closing, "note": Noting,
    }  # fmt: skip
    gives: ClassVar = dict.fromkeys(TRIAGE, Gives(DriftEventBody))
    refuses: ClassVar = {"acknowledge": [EventOver], "snooze": [EventOver, SnoozeUnusable]}
    queryset = DriftEvent.objects.select_related("payer", "parent", "returned_from")
    document = staticmethod(event_document)
    orders: ClassVar = {
        "-as_of_week": ("-as_of_week", "-pk"),
        "as_of_week": ("as_of_week", "pk"),
        "-first_week": ("-first_week", "-pk"),
        "first_week": ("first_week", "pk"),
        "-amount_at_risk": ("-amount_at_risk", "-pk"),
    }
    serializer_class = DriftEventBody
    filterset_class = DriftEventFilter

    def acknowledge(self, request: Request, public_id: str) -> Response:
        """Take it on: it is told of again only where it doubles."""
        return self._triaged(acknowledge_event)

    def snooze(self, request: Request, public_id: str) -> Response:
        """Put it off until it is worse by a quarter, the next upload, or a date: till then nothing is told of it."""
        asked = self.body()
        until = Until(asked["until"], asked["date"])
        return self.answer(snooze_event(self.get_object(), until, note=asked["note"], actor=self.caller.actor))

    def noise(self, request: Request, public_id: str) -> Response:
        """Say that it is nothing the payer does. It counts as a verdict; nothing more is told of it."""
        return self._triaged(call_noise)

    def close(self, request: Request, public_id: str) -> Response:
        """Be done with it; nothing more is told of it. Should it end and come back, that is a new event."""
        return self._triaged(close_event)

    def note(self, request: Request, public_id: str) -> Response:
        """Put a note in the place of the one before."""
        return self._triaged(note_on_event)

    def _triaged(self, act: Callable[..., DriftEvent]) -> Response:
        asked = self.body()
        return self.answer(act(self.get_object(), **asked, actor=self.caller.actor))
