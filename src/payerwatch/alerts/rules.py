"""Rules: what they say, and every change of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from payerwatch.alerts.models import Alert, Rule
from payerwatch.alerts.routing import Seen, Terms, Timing
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims.cpt_groups import GROUP_LABELS
from payerwatch.claims.models import CptGroupMapping, Payer, PayerMapping
from payerwatch.claims.payers import payer_key
from payerwatch.deliveries.endpoints import endpoint_with_id
from payerwatch.drift.documents import group_label
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import label_within_a_sentence
from payerwatch.members.authority import hold_customer, refuse_unless_may
from payerwatch.members.models import Member
from payerwatch.members.roles import Permission
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.time_zones import zone_named

MOST_RULES = 200
HOURS = range(24)
COOL_DOWN_HOURS = range(24 * 31 + 1)
LARGEST_AMOUNT = 10**13
"""Cents."""
_RANGES = {
    "digest_hour": HOURS,
    "quiet_from": HOURS,
    "quiet_until": HOURS,
    "cool_down_hours": COOL_DOWN_HOURS,
    "least_amount": range(LARGEST_AMOUNT + 1),
}
_LEVELS = {"payer": "payers as a whole", "cpt_group": "their CPT groups"}
_CERTAINTY = {"watch": "worth watching or more", "likely": "likely or more", "very_likely": "very likely"}
_CHANGES = {
    ("denial_rate", "worse"): "the denial rate rises", ("denial_rate", "better"): "the denial rate falls",
    ("days_to_decision", "worse"): "decisions take longer", ("days_to_decision", "better"): "decisions come sooner",
    ("denial_rate", ""): "the denial rate changes", ("days_to_decision", ""): "the time to decision changes",
    ("", "worse"): "something gets worse", ("", "better"): "something gets better", ("", ""): "anything changes",
}  # fmt: skip


class UnknownRule(Refusal):
    """No rule of this customer has this id, or it was removed."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such rule.", where="rule", fix="List them, and check the id.")


class UnknownPayer(Refusal):
    """No payer of this customer has this name."""

    def __init__(self) -> None:
        super().__init__("There is no such payer.", where="payer", fix="Give its name as the list of payers has it.")


class RuleTermOutside(Refusal):
    """An hour, an amount or a cool-down of a rule is outside what it can be."""

    def __init__(self, name: str, allowed: range) -> None:
        super().__init__("This is outside what it can be.", where=name, fix=f"Give {allowed[0]:,} to {allowed[-1]:,}.")


class UnknownCptGroup(Refusal):
    """There is no such CPT group, neither one of ours nor one of the customer's own."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such CPT group.",
            where="cpt_group",
            fix="Give its key, such as imaging, or a name of your own.",
        )


class LevelContradicted(Refusal):
    """A rule about payers as a whole cannot be about one CPT group."""

    def __init__(self) -> None:
        super().__init__(
            "Payers as a whole have no CPT group.", where="level", fix="Leave out the level, or the CPT group."
        )


class UnknownRecipient(Refusal):
    """A rule tells members of the customer by their ids; who is suspended is told once they are back."""

    def __init__(self) -> None:
        super().__init__("There is no such member.", where="recipients", fix="List the members, and check the ids.")


class TooManyRules(Refusal):
    """The customer has as many rules as one can have."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(f"There are {MOST_RULES} rules.", fix="Remove one that is no longer needed.")


class QuietHoursUnusable(Refusal):
    """Quiet hours have a beginning and an end, which are two different hours of the day."""

    def __init__(self) -> None:
        super().__init__(
            "Quiet hours need a beginning and an end.", where="quiet_from", fix="Give both, from 0 to 23, or neither."
        )


def rules() -> QuerySet[Rule]:
    """Those of the customer entered that were not removed."""
    return Rule.objects.filter(removed_at=None).select_related("customer", "payer").order_by("pk")


def rules_in_force() -> list[Rule]:
    return list(rules().filter(enabled=True))


def rule_with_id(public_id: str) -> Rule:
    """Raises UnknownRule."""
    rule = rules().filter(public_id=public_id).first()
    if rule is None:
        raise UnknownRule
    return rule


def add_rule(terms: Mapping[str, Any], *, actor: Actor) -> Rule:
    """Add one. `terms` are the rule's columns, with `payer` by name and `recipients` and `endpoints` by public id.

    Raises NoLongerYours, UnknownPayer, UnknownCptGroup, UnknownRecipient, UnknownEndpoint, RuleTermOutside,
    QuietHoursUnusable, LevelContradicted or TooManyRules.
    """
    _hold_as_manager(actor)
    if rules().count() >= MOST_RULES:
        raise TooManyRules
    rule = Rule()
    _set(rule, terms)
    record("add", _thing(rule), actor=actor, after=described(rule))
    return rule


def change_rule(rule: Rule, terms: Mapping[str, Any], *, actor: Actor) -> Rule:
    """Change what is given. Raises as `add_rule`."""
    _hold_as_manager(actor)
    before = described(rule)
    _set(rule, terms)
    _time_anew(rule)
    record("change", _thing(rule), actor=actor, before=before, after=described(rule))
    return rule


def remove_rule(rule: Rule, *, actor: Actor) -> None:
    """It tells nothing more; what it has told stays to be looked up. Raises NoLongerYours."""
    _hold_as_manager(actor)
    before = described(rule)
    rule.removed_at, rule.enabled = timezone.now(), False
    rule.save()
    _time_anew(rule)
    record("remove", _thing(rule), actor=actor, before=before)


def terms_of(rule: Rule) -> Terms:
    return Terms(
        rule.measure, rule.direction, rule.level, rule.certainty, rule.least_amount, rule.payer_id, rule.cpt_group
    )


def seen_of(event: DriftEvent) -> Seen:
    """The event as it stands."""
    return Seen(event.measure, event.payer_id, event.cpt_group, event.direction, event.certainty, event.amount_at_risk)


def timing_of(rule: Rule) -> Timing:
    """In hours of the customer's own day."""
    return Timing(
        zone=zone_named(rule.customer.time_zone),
        daily_at=rule.digest_hour if rule.cadence == Rule.Cadence.DAILY else None,
        quiet_from=rule.quiet_from,
        quiet_until=rule.quiet_until,
        cool_down=timedelta(hours=rule.cool_down_hours),
    )


def rule_sentence(rule: Rule) -> str:
    """Such as: Tell 2 people at once when the denial rate rises, likely or more, at least $10,000, payer Aetna."""
    conditions = [_CHANGES[rule.measure, rule.direction], _CERTAINTY[rule.certainty]]
    if rule.least_amount:
        conditions.append(f"at least ${rule.least_amount / 100:,.0f}")
    if rule.payer is not None:
        conditions.append(f"payer {rule.payer.name}")
    if rule.cpt_group:
        conditions.append(f"for {label_within_a_sentence(group_label(rule.cpt_group) or rule.cpt_group)}")
    if rule.level:
        conditions.append(f"only {_LEVELS[rule.level]}")
    when = f"daily at {rule.digest_hour}:00" if rule.cadence == Rule.Cadence.DAILY else "at once"
    return f"Tell {_whom(rule)} {when} when {', '.join(conditions)}."


def _whom(rule: Rule) -> str:
    people, endpoints = len(rule.recipients), len(rule.endpoints)
    told = [f"{people} {'person' if people == 1 else 'people'}"] if people else []
    told.append(f"{endpoints} endpoint{'' if endpoints == 1 else 's'}" if endpoints else "all endpoints that subscribe")
    return " and ".join(told)


def described(rule: Rule) -> dict[str, Any]:
    """What the trail keeps of a rule."""
    names = (
        "name", "measure", "cpt_group", "direction", "level", "certainty", "least_amount", "cadence", "digest_hour",
        "quiet_from", "quiet_until", "cool_down_hours", "enabled", "recipients", "endpoints",
    )  # fmt: skip
    own = {name: getattr(rule, name) for name in names}
    payer = rule.payer.public_id if rule.payer is not None else None
    return own | {"payer": payer}


def _set(rule: Rule, terms: Mapping[str, Any]) -> None:
    found: dict[str, Any] = dict(terms)
    if "payer" in terms:
        found["payer"] = _payer_named(terms["payer"]) if terms["payer"] else None
    if "recipients" in terms:
        found["recipients"] = _members(terms["recipients"])
    if terms.get("cpt_group"):
        _refuse_unknown_group(terms["cpt_group"])
    if "endpoints" in terms:
        found["endpoints"] = [endpoint_with_id(each).public_id for each in dict.fromkeys(terms["endpoints"])]
    for name, value in found.items():
        setattr(rule, name, value)
    _refuse_outside(rule)
    _refuse_half_quiet(rule)
    if rule.level == Rule.Level.PAYER and rule.cpt_group:
        raise LevelContradicted
    rule.save()


def _refuse_outside(rule: Rule) -> None:
    for name, allowed in _RANGES.items():
        value = getattr(rule, name)
        if value is not None and value not in allowed:
            raise RuleTermOutside(name, allowed)


def _time_anew(rule: Rule) -> None:
    """What waits is told when the rule now says, and nothing of one that tells nothing any more."""
    not_sent = Alert.objects.filter(rule=rule, state__in=(Alert.State.WAITING, Alert.State.HELD))
    if rule.enabled:
        not_sent.filter(waits_for=Alert.WaitsFor.TIME).update(due_at=None)
        return
    cancelled = {"state": Alert.State.CANCELLED, "because": Alert.Because.RULE_REMOVED, "settled_at": timezone.now()}
    not_sent.update(**cancelled, waits_for="", due_at=None)


def _refuse_half_quiet(rule: Rule) -> None:
    hours = rule.quiet_from, rule.quiet_until
    if hours != (None, None) and (None in hours or hours[0] == hours[1]):
        raise QuietHoursUnusable


def _hold_as_manager(actor: Actor) -> None:
    """Raises NoLongerYours."""
    hold_customer()
    refuse_unless_may(actor, Permission.MANAGE_RULES)


def _payer_named(name: str) -> Payer:
    """As a file's spelling would be read. Raises UnknownPayer."""
    spelling = PayerMapping.objects.select_related("payer").filter(raw_key=payer_key(name)).first()
    payer = spelling.payer if spelling is not None else Payer.objects.filter(name__iexact=name).first()
    if payer is None:
        raise UnknownPayer
    return payer


def _refuse_unknown_group(group: str) -> None:
    if group not in GROUP_LABELS and not CptGroupMapping.objects.filter(cpt_group=group).exists():
        raise UnknownCptGroup


def _members(ids: Sequence[str]) -> list[str]:
    found = list(Member.objects.filter(public_id__in=ids).order_by("pk").values_list("public_id", flat=True))
    if len(found) != len(set(ids)):
        raise UnknownRecipient
    return found


def _thing(rule: Rule) -> Thing:
    return Thing("rule", rule.public_id)
