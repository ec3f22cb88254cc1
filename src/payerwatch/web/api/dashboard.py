"""`dashboard/`: what a billing manager asks first in the morning, as the newest judgement left it. No claim is read."""

from typing import Any, ClassVar, get_args

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.drift.dashboard import dashboard
from payerwatch.drift.judgement import Certainty
from payerwatch.drift.models import DriftEvent
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import Dollars, PublicId
from payerwatch.web.api.resource import Gives, Resource


class Judged(serializers.Serializer):
    """The run in force: what it looked at, and how."""

    run = PublicId(source="public_id", help_text="run_…")
    week = serializers.DateField(source="as_of_week", help_text="the Monday of the week judged")
    judged_at = serializers.DateTimeField(source="carried_at", help_text="when events were changed by it")
    loaded_until = serializers.DateField(source="summary.loaded_until", help_text="the latest day loaded then")
    series = serializers.IntegerField(source="series_checked", help_text="pairs of payer and CPT group looked at")
    tests = serializers.IntegerField(help_text="p-values compared")
    not_judged = serializers.DictField(child=serializers.IntegerField(), help_text="reason -> payers and series")
    pending_known = serializers.BooleanField(help_text="false where the export leaves pending claims out")
    data_feed_stalled = serializers.BooleanField(help_text="most payers fell silent together: look at the feed first")
    false_discovery_rate = serializers.FloatField(
        source="summary.false_discovery_rate", help_text="the share of a run's alerts that may be false; see docs"
    )
    very_likely_rate = serializers.FloatField(
        source="summary.very_likely_rate", help_text="the same among those called very likely"
    )


class Since(serializers.Serializer):
    """What the judgement has not seen. Any of it is a reason to start a drift run."""

    uploads_loaded = serializers.IntegerField(help_text="files loaded since, those taken back again included")
    uploads_undone = serializers.IntegerField(help_text="files taken back since")
    mappings_changed = serializers.BooleanField(help_text="whether payers or CPT groups were mapped otherwise since")


class OpenEvents(serializers.Serializer):
    tier = serializers.ChoiceField(DriftEvent.Tier.choices, help_text="alert or watch")
    direction = serializers.ChoiceField(DriftEvent.Direction.choices, help_text="worse or better")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices, help_text="what changed")
    events = serializers.IntegerField(help_text="how many are open")
    amount_at_risk = Dollars(
        allow_null=True, help_text="US dollars; CPT groups of a payer that is told as a whole are not added twice"
    )


class TopEvent(serializers.Serializer):
    id = serializers.CharField(help_text="evt_…")
    sentence = serializers.CharField(help_text="what people read")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices, help_text="what changed")
    payer = serializers.CharField(help_text="the payer's name")
    cpt_group = serializers.CharField(allow_null=True, help_text="null for the payer as a whole")
    direction = serializers.ChoiceField(DriftEvent.Direction.choices, help_text="worse or better")
    tier = serializers.ChoiceField(DriftEvent.Tier.choices, help_text="alert or watch")
    certainty = serializers.ChoiceField(get_args(Certainty), help_text="how likely it is to be real")
    first_week = serializers.DateField(help_text="the Monday of the week first flagged")
    amount_at_risk = Dollars(allow_null=True, help_text="US dollars")


class Rate(serializers.Serializer):
    """Counted, not judged: by week of decision, without exact duplicates."""

    decided = serializers.IntegerField(help_text="first decisions")
    denied = serializers.IntegerField(help_text="of these, denied")
    denial_rate = serializers.FloatField(allow_null=True, help_text="0 to 1; null without a decision")


class PayerNow(Rate):
    """The four weeks up to the one judged, beside the baseline's."""

    payer = serializers.CharField(help_text="the payer's name")
    submitted = serializers.IntegerField(help_text="claims submitted in these weeks")
    baseline = Rate(help_text="of the weeks that the expectation is made from")


class RecentUploads(serializers.Serializer):
    days = serializers.IntegerField(help_text="of so many days up to now")
    uploads = serializers.IntegerField(help_text="files loaded that stand")
    rows = serializers.IntegerField(help_text="rows in them")
    set_aside = serializers.IntegerField(help_text="of these, rows that could not be loaded")


class DashboardBody(serializers.Serializer):
    """`as_of` and all that stands beside it is as the newest judgement left it; `since` says what happened after."""

    as_of = Judged(source="run", allow_null=True, help_text="null where nothing was judged, or all was taken back")
    since = Since(allow_null=True)
    open_events = OpenEvents(many=True, source="summary.open_events", default=list)
    top_events = TopEvent(many=True, source="summary.top_events", default=list, help_text="as people read them")
    payers = PayerNow(many=True, source="summary.payers", default=list, help_text="the busiest first")
    payers_left_out = serializers.IntegerField(source="summary.payers_left_out", default=0, help_text="less busy ones")
    loaded_until = serializers.DateField(allow_null=True, help_text="the latest day loaded by now")
    stale = serializers.BooleanField(allow_null=True, help_text="whether that is more than ten days ago")
    recent_uploads = RecentUploads()


class Dashboard(Resource):
    """What changed, how sure that is and what it costs, in one answer."""

    thing = "dashboard"
    may: ClassVar = {"show": Permission.READ_EVENTS}
    gives: ClassVar = {"show": Gives(DashboardBody)}
    queryset: Any = None

    def show(self, request: Request) -> Response:
        """The newest judgement in short, and what happened since."""
        return self.answer(dashboard(timezone.now()))
