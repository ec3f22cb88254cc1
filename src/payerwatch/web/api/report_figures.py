"""The figures of a report as they are answered. Amounts are dollars; what each part counts, it says in `counts`."""

from typing import Any

from rest_framework import serializers

from payerwatch.drift.models import DriftEvent
from payerwatch.web.api.fields import Dollars


class CoveredBody(serializers.Serializer):
    first_day = serializers.DateField(help_text="a Monday")
    last_day = serializers.DateField(help_text="a Sunday")
    weeks = serializers.IntegerField(help_text="how many weeks that is")


class ClaimCounts(serializers.Serializer):
    submitted = serializers.IntegerField(help_text="claims submitted in the weeks")
    still_pending = serializers.IntegerField(help_text="of these, not decided when the report was built")
    billed_amount = Dollars(help_text="US dollars, of the claims submitted")
    decided = serializers.IntegerField(help_text="first decisions made in the weeks")
    paid = serializers.IntegerField(help_text="of these, paid")
    denied = serializers.IntegerField(help_text="of these, denied")
    duplicates = serializers.IntegerField(help_text="of these, denied as exact duplicates")
    allowed_amount = Dollars(help_text="US dollars, of the claims decided")
    paid_amount = Dollars(help_text="US dollars, of the claims decided")


class ClaimCountsBefore(CoveredBody, ClaimCounts):
    pass


class VolumesBody(ClaimCounts):
    counts = serializers.CharField(help_text="what is counted here")
    month_before = ClaimCountsBefore(help_text="the same, of the month before")
    weeks_before = ClaimCountsBefore(help_text="the same, of the twelve weeks before")


class ShareBody(serializers.Serializer):
    denied = serializers.IntegerField(help_text="first decisions that denied")
    of = serializers.IntegerField(help_text="first decisions that paid or denied")
    rate = serializers.FloatField(allow_null=True, help_text="the share, 0 to 1; null without a decision")
    low = serializers.FloatField(allow_null=True, help_text="from where it lies with 95 %")
    high = serializers.FloatField(allow_null=True, help_text="up to where it lies with 95 %")


class ShareRose(serializers.Serializer):
    difference = serializers.FloatField(allow_null=True, help_text="how much higher the share is now, -1 to 1")
    difference_low = serializers.FloatField(allow_null=True, help_text="from where that lies with 95 %")
    difference_high = serializers.FloatField(allow_null=True, help_text="up to where that lies with 95 %")


class ShareBefore(CoveredBody, ShareBody, ShareRose):
    pass


class DenialRateBody(ShareBody):
    counts = serializers.CharField(help_text="what is counted here")
    month_before = ShareBefore(help_text="of the month before, and how it changed")
    weeks_before = ShareBefore(help_text="of the twelve weeks before, and how it changed")


class DaysBody(serializers.Serializer):
    median = serializers.FloatField(allow_null=True, help_text="days, those still waiting included")
    mean = serializers.FloatField(allow_null=True, help_text="days, of those decided")


class DaysBefore(CoveredBody, DaysBody):
    pass


class DaysToDecisionBody(DaysBody):
    counts = serializers.CharField(help_text="what is counted here")
    month_before = DaysBefore(help_text="of the month before")
    weeks_before = DaysBefore(help_text="of the twelve weeks before")


class PayerMeasures(ClaimCounts):
    denial_rate = ShareBody(help_text="the share denied")
    days_to_decision = DaysBody(help_text="from submission to first decision")


class NamedPayer(PayerMeasures):
    payer = serializers.CharField(help_text="the payer's name")
    change = ShareRose(help_text="of the share denied, against the month before")


class OtherPayers(PayerMeasures):
    payers = serializers.IntegerField(help_text="how many they are")


class ReportedPayers(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    named = NamedPayer(many=True, help_text="those with most first decisions, at most 20")
    others = OtherPayers(allow_null=True, help_text="all others together; null where there are none")


class EventsOfKind(serializers.Serializer):
    tier = serializers.ChoiceField(DriftEvent.Tier.choices, help_text="alert or watch")
    direction = serializers.ChoiceField(DriftEvent.Direction.choices, help_text="worse or better")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices, help_text="what changed")
    opened = serializers.IntegerField(help_text="first flagged in the weeks")
    closed = serializers.IntegerField(help_text="over in the weeks")
    open_at_end = serializers.IntegerField(help_text="not over at the end of the last week")
    amount_at_risk = Dollars(help_text="US dollars, of those open at the end")


class ReportedEvent(serializers.Serializer):
    id = serializers.CharField(help_text="evt_…")
    sentence = serializers.CharField(help_text="what people read, as it was last judged")
    payer = serializers.CharField(help_text="the payer's name")
    cpt_group = serializers.CharField(allow_null=True, help_text="null for the payer as a whole")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices, help_text="what changed")
    direction = serializers.ChoiceField(DriftEvent.Direction.choices, help_text="worse or better")
    certainty = serializers.CharField(help_text="very_likely, likely or watch, at its highest")
    first_week = serializers.DateField(help_text="the Monday of the week first flagged")
    closed_week = serializers.DateField(allow_null=True, help_text="null where it was open at the end")
    amount_at_risk = Dollars(help_text="US dollars, at the end; null where it was over or has none")


class ReportedEvents(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    by_kind = EventsOfKind(many=True, help_text="by tier, direction and measure")
    alerts = ReportedEvent(many=True, help_text="those that were alerts, what got worse and costs most first")
    alerts_left_out = serializers.IntegerField(help_text="how many more there were")


class ReportedAlerts(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    raised = serializers.IntegerField(help_text="raised on these days")
    sent = serializers.IntegerField(help_text="sent on these days")
    held = serializers.IntegerField(help_text="held back on these days")
    cancelled = serializers.IntegerField(help_text="no longer to be told, since these days")


class ReportedVerdicts(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    by_kind = serializers.DictField(child=serializers.IntegerField(), help_text="kind of verdict -> how many")
    by_reason = serializers.DictField(child=serializers.IntegerField(), help_text="reason -> how many gave it")
    noise_share = serializers.FloatField(allow_null=True, help_text="noise among noise and real; null without either")
    recovered_amount = Dollars(help_text="US dollars that came back, as people said")


class ReportedMoney(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    at_risk_amount = Dollars(help_text="US dollars of denials above what was expected; null where nothing is known")
    held_up_amount = Dollars(help_text="US dollars of decisions that had not come; null where nothing is known")
    recovered_amount = Dollars(help_text="US dollars that came back, as people said")


class ReportedSources(serializers.Serializer):
    counts = serializers.CharField(help_text="what is counted here")
    files = serializers.IntegerField(help_text="files loaded on these days that stand")
    rows = serializers.IntegerField(help_text="rows in them")
    accepted = serializers.IntegerField(help_text="of these, loaded")
    set_aside = serializers.IntegerField(help_text="of these, not loaded")
    set_aside_by_reason = serializers.DictField(
        child=serializers.IntegerField(), help_text="rows set aside, by reason code"
    )
    files_taken_back = serializers.IntegerField(help_text="files undone on these days")
    loaded_until = serializers.DateField(allow_null=True, help_text="the latest day loaded, of all files")
    stale_days = serializers.IntegerField(allow_null=True, help_text="how many days of the weeks lie after that")
    pending_known = serializers.BooleanField(help_text="false where the export leaves pending claims out")


class ReportFigures(serializers.Serializer):
    """What the month has shown, of the weeks whose Monday lies in it."""

    method = serializers.IntegerField(help_text="another number where a figure comes to mean something else")
    month = serializers.CharField(help_text="YYYY-MM")
    covers = CoveredBody(help_text="the weeks whose Monday lies in the month")
    preliminary = serializers.BooleanField(help_text="whether these weeks were not over when it was built")
    volumes = VolumesBody(help_text="claims and money")
    denial_rate = DenialRateBody(help_text="the share denied")
    days_to_decision = DaysToDecisionBody(help_text="from submission to first decision")
    payers = ReportedPayers(help_text="the same by payer")
    events = ReportedEvents(help_text="what changed in how payers treat claims")
    alerts = ReportedAlerts(help_text="what was told of it")
    verdicts = ReportedVerdicts(help_text="what people found it to be")
    money = ReportedMoney(help_text="what it costs, and what came back")
    sources = ReportedSources(help_text="what all this rests on")

    def get_attribute(self, instance: Any) -> Any:
        """Null until it is built."""
        return super().get_attribute(instance) or None
