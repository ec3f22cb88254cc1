"""`drift-runs/`: the judgements of weeks. Who starts one is answered at once and watches it until it is done."""

from http import HTTPStatus
from typing import ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.drift.models import DriftRun
from payerwatch.judging.asked_runs import ask_for_run
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import DayFilter, JudgedDay
from payerwatch.web.api.fields import PublicId, RefusalTold
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class DriftRunBody(serializers.ModelSerializer):
    """A run. Its figures are null until it is done, and where `same_as` names the run that has them."""

    id = PublicId(source="public_id", help_text="run_…")
    requested_at = serializers.DateTimeField(source="created_at", read_only=True, help_text="when it was asked for")
    not_judged = serializers.DictField(child=serializers.IntegerField(), help_text="reason -> payers and series")
    changed_events = serializers.SerializerMethodField(
        help_text="whether its findings are the events': not of a week before the newest run, nor of one withdrawn"
    )
    same_as = PublicId(source="same_as.public_id", default=None, help_text="run_… that judged the same before")
    refusal = RefusalTold(allow_null=True, help_text="why it was refused, such as nothing_to_judge")

    class Meta:
        model = DriftRun
        fields = [
            "id", "state", "as_of", "requested_at", "ended_at", "as_of_week", "series_checked", "tests", "not_judged",
            "opened", "updated", "closed", "changed_events", "pending_known", "data_feed_stalled", "same_as", "refusal",
        ]  # fmt: skip

    def get_changed_events(self, run: DriftRun) -> bool:
        return run.carried_at is not None


class DriftRunOrder(serializers.Serializer):
    as_of = JudgedDay(
        default=None, allow_null=True, help_text="judge as on this day; without it, the latest day loaded"
    )


class DriftRunFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=DriftRun.State.choices, help_text="Runs that are in this state now.")
    as_of_week = DayFilter(help_text="Runs that judged the week of this Monday.")


class DriftRuns(Listed, Shown, Resource):
    """Judgements of weeks, newest first."""

    thing = "drift_run"
    verbs: ClassVar = {"create": "request"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), Permission.READ_EVENTS),
        "create": Permission.LOAD_CLAIMS,
    }
    takes: ClassVar = {"create": DriftRunOrder}
    gives: ClassVar = {"create": Gives(DriftRunBody, HTTPStatus.ACCEPTED)}
    queryset = DriftRun.objects.select_related("same_as").defer(
        "nodes", "summary", "same_as__nodes", "same_as__summary"
    )
    order = ("-pk",)
    serializer_class = DriftRunBody
    filterset_class = DriftRunFilter

    def create(self, request: Request) -> Response:
        """Start to judge a week: the answer is the run to watch, at the address in `Location`.

        While one for the same day waits, or is being judged on all that is loaded by now, that one is the answer.
        """
        run = ask_for_run(self.body()["as_of"], actor=self.caller.actor)
        answer = self.answer(run)
        answer["Location"] = f"{request.path}{run.public_id}/"
        return answer
