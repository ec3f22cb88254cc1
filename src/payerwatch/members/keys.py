"""API keys, by which programs act as themselves in one customer.

A key reads `pw_live_<customer>_<secret><checksum>`: the customer's id in base 36, 32 characters of secret and six of
checksum in base 62. Secret scanners find one by `KEY_PATTERN` and tell a real one by its checksum, offline.
"""

import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from hmac import compare_digest
from ipaddress import ip_address, ip_network

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.members.authority import hold_customer, permissions_now, refuse_unless_may
from payerwatch.members.models import ApiKey
from payerwatch.members.roles import SCOPES, Permission
from payerwatch.members.secrets import CredentialRefused, digest
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in, current_customer_id
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.patience import write_if_free
from payerwatch.tenancy.statements import Given, Statement, columns_of

KEY_PATTERN = r"pw_live_[0-9a-z]{1,11}_[0-9A-Za-z]{38}"
DEFAULT_DAYS, LONGEST_DAYS = 365, 730
DEFAULT_OVERLAP, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=7)
USED_EVERY = timedelta(minutes=1)
MOST_ADDRESSES = 50

_SCOPE = re.compile(rf"(?=.{{1,{max(map(len, Permission))}}}\Z)[a-z]+\.[a-z]+", re.ASCII)
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE36 = string.digits + string.ascii_lowercase
_SECRET_LENGTH, _CHECKSUM_LENGTH = 32, 6
_SHOWN_OF_SECRET = 4  # 28 characters stay unknown: 166 bits
_COLUMNS = columns_of(ApiKey, without=("created_at", "issued_by", "last_used_address", "prefix", "rotated_from_id"))
_COLUMNS_OF_CUSTOMER = columns_of(Customer, without=("created_at",))
_KEY = re.compile(
    rf"(?P<body>pw_live_(?P<customer>[0-9a-z]{{1,11}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}})(?P<checksum>[0-9A-Za-z]{{6}})"
)


class UnknownScope(Refusal):
    """A scope is none that a key may have, or none that whoever issues it has.

    Free text is not repeated.
    """

    def __init__(self, wanted: Iterable[str], grantable: Iterable[str]) -> None:
        refused = sorted({scope for scope in set(wanted) - set(grantable) if _SCOPE.fullmatch(scope)})
        named = f"be given this scope: {', '.join(refused)}." if refused else "be without scopes, or with such ones."
        super().__init__(f"A key cannot {named}", where="scopes", fix=f"Choose from: {', '.join(sorted(grantable))}.")


class KeyTermsUnusable(Refusal):
    """A key's name, expiry, addresses or overlap cannot be as asked."""


class UnknownKey(Refusal):
    """The customer has no key of this id that is in force."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such key in force.", fix="List the keys to see their ids.")


class KeyRotatedAlready(Refusal):
    """The key was rotated before, and is good only until its overlap ends."""

    kind = Kind.CONFLICT

    def __init__(self, successor: ApiKey) -> None:
        super().__init__(
            f"This key was rotated already: its successor is {successor.public_id}.",
            fix=f"Use {successor.public_id}, or rotate that one if its text is lost.",
        )


class KeyRefused(CredentialRefused):
    """A customer's own key, shown where or when it is not good. The holder is told no more than any other."""

    def __init__(self, key: ApiKey, because: str) -> None:
        super().__init__()
        self.key = key
        self.because = because

    @property
    def code(self) -> str:
        return CredentialRefused().code


@dataclass(frozen=True)
class IssuedKey:
    """A key and its text, which is shown this once and not stored."""

    key: ApiKey
    text: str


def issue_key(
    customer: Customer,
    *,
    name: str,
    scopes: Iterable[str],
    expires_in_days: int = DEFAULT_DAYS,
    allowed_addresses: Iterable[str] = (),
    actor: Actor,
) -> IssuedKey:
    """A new key of the customer. Raises NoLongerYours, UnknownScope or KeyTermsUnusable."""
    terms: dict[str, object] = {
        "name": _usable_name(name),
        "allowed_addresses": _networks(allowed_addresses),
        "expires_at": timezone.now() + _lifetime(expires_in_days),
    }
    with acting_in(customer):
        _refuse_unless_manages_keys(actor)
        issued = _create({**terms, "scopes": _grantable_scopes(scopes, actor)}, actor)
        record("issue", Thing("key", issued.key.public_id), actor=actor, after=_described(issued.key))
    return issued


def rotate_key(key: ApiKey, *, overlap: timedelta = DEFAULT_OVERLAP, actor: Actor) -> IssuedKey:
    """A new key with the same rights and length of life; the old one ends after the overlap.

    Raises UnknownKey where the old one is not in force, KeyRotatedAlready, NoLongerYours, UnknownScope or
    KeyTermsUnusable.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise KeyTermsUnusable("The old key may stay for a week at most.", where="overlap", fix="Choose 0 to 7 days.")
    now = timezone.now()
    with acting_in(key.customer):
        _refuse_unless_manages_keys(actor)
        _grantable_scopes(key.scopes, actor)
        old = ApiKey.objects.select_for_update(no_key=True).filter(_in_force(now), pk=key.pk).first()
        if old is None:
            raise UnknownKey
        successor = ApiKey.objects.filter(rotated_from=old).first()
        if successor is not None:
            raise KeyRotatedAlready(successor)
        lifetime = old.expires_at - old.created_at if old.expires_at else timedelta(days=DEFAULT_DAYS)
        same = {field: getattr(old, field) for field in ("name", "scopes", "allowed_addresses")}
        issued = _create({**same, "expires_at": now + lifetime, "rotated_from": old}, actor)
        old.expires_at = min(now + overlap, old.expires_at or now + overlap)
        old.save(update_fields=["expires_at"])
        after = {"new_key": issued.key.public_id, "old_key_expires_at": old.expires_at}
        record("rotate", Thing("key", old.public_id), actor=actor, after=after)
    return issued


def revoke_key(key: ApiKey, *, actor: Actor) -> None:
    """Refuse the key from now on. Raises UnknownKey where it was revoked before, or NoLongerYours."""
    with acting_in(key.customer):
        _refuse_unless_manages_keys(actor)
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            raise UnknownKey
        record("revoke", Thing("key", key.public_id), actor=actor)


def _refuse_unless_manages_keys(actor: Actor) -> None:
    """Asked while the customer is held, so that who is made less meanwhile issues no key. Raises NoLongerYours."""
    hold_customer()
    refuse_unless_may(actor, Permission.MANAGE_KEYS)


def _create(terms: dict[str, object], actor: Actor) -> IssuedKey:
    text = _new_text(current_customer_id())
    key = ApiKey.objects.create(prefix=_prefix(text), digest=digest(text), issued_by=actor.id, **terms)
    return IssuedKey(key, text)


def _described(key: ApiKey) -> dict[str, object]:
    return {"scopes": key.scopes, "expires_at": key.expires_at, "allowed_addresses": len(key.allowed_addresses)}


# What may be asked of a key


def _grantable_scopes(scopes: Iterable[str], actor: Actor) -> list[str]:
    """The scopes asked for, where they are among the actor's own permissions. Raises UnknownScope."""
    wanted, grantable = sorted(set(scopes)), SCOPES & permissions_now(actor)
    if not wanted or not set(wanted) <= grantable:
        raise UnknownScope(wanted, grantable)
    return wanted


def _usable_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise KeyTermsUnusable("This cannot be a key's name.", where="name", fix="Use 1 to 100 printable characters.")
    return name


def _lifetime(days: int) -> timedelta:
    if not 1 <= days <= LONGEST_DAYS:
        raise KeyTermsUnusable(
            "A key cannot be in force for so long or so short.", where="expires_in_days", fix="Choose 1 to 730 days."
        )
    return timedelta(days=days)


def _networks(addresses: Iterable[str]) -> list[str]:
    """The networks in one spelling. Bits beyond the mask are a mistake that is refused."""
    try:
        networks = {str(ip_network(address.strip())) for address in addresses}
    except ValueError:
        networks = {""}
    if "" in networks or len(networks) > MOST_ADDRESSES:
        raise KeyTermsUnusable(
            "This is no list of networks.",
            where="allowed_addresses",
            fix=f"Write at most {MOST_ADDRESSES} as 203.0.113.0/24, 2001:db8::/32 or single addresses.",
        )
    return sorted(networks)


# The text of a key


def looks_like_key(text: str) -> bool:
    """Whether the text is a key by its form and its checksum; it need not be one that is in force."""
    found = _KEY.fullmatch(text)
    return found is not None and _checksum(found["body"]) == found["checksum"]


def customer_of(text: str) -> int:
    """The id of the customer a key names, so that the door enters it first. Raises CredentialRefused."""
    found = _KEY.fullmatch(text)
    if found is None or not looks_like_key(text):
        raise CredentialRefused
    return int(found["customer"], 36)


def _new_text(customer_id: int) -> str:
    secret = "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))
    body = f"pw_live_{_spelled(customer_id, _BASE36)}_{secret}"
    return body + _checksum(body)


def _prefix(text: str) -> str:
    return text[: text.rindex("_") + 1 + _SHOWN_OF_SECRET]


def _checksum(body: str) -> str:
    """CRC-32 in base 62. It tells a typing mistake and a real key from a sample; it protects nothing."""
    return _spelled(zlib.crc32(body.encode()), _BASE62).rjust(_CHECKSUM_LENGTH, "0")


def _spelled(number: int, digits: str) -> str:
    spelled = ""
    while number or not spelled:
        number, remainder = divmod(number, len(digits))
        spelled = digits[remainder] + spelled
    return spelled


# At the door


def find_key(text: str, address: str, now: datetime) -> ApiKey:
    """The key in force of this text, called from this address: inside acting_in, in one query.

    Raises CredentialRefused, alike for a wrong checksum, an unknown, revoked or expired key and a wrong address;
    as KeyRefused where the key is one of the customer's.
    """
    if not looks_like_key(text):
        raise CredentialRefused
    wanted = digest(text)
    key = _key_of(wanted)
    if key is None or not compare_digest(key.digest, wanted):
        raise CredentialRefused
    because = _why_not(key, address, now)
    if because:
        raise KeyRefused(key, because)
    return key


def _key_of(wanted: str) -> ApiKey | None:
    """The key of this digest, with its customer."""
    rows = _statement(connection.vendor).rows(digest=wanted)
    if not rows:
        return None
    database, (row, own) = connection.alias, (rows[0], len(_COLUMNS))
    key = ApiKey.from_db(database, _COLUMNS, row[:own])
    key.customer = Customer.from_db(database, _COLUMNS_OF_CUSTOMER, row[own:])
    return key


@lru_cache
def _statement(_vendor: str) -> Statement:
    keys = ApiKey.objects.filter(digest=Given("digest", ApiKey._meta.get_field("digest")))
    return Statement(keys.values_list(*_COLUMNS, *(f"customer__{name}" for name in _COLUMNS_OF_CUSTOMER)))


def _why_not(key: ApiKey, address: str, now: datetime) -> str:
    """Why the key does not let in now and from there; empty where it does."""
    if key.revoked_at is not None:
        return "key_revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "key_expired"
    return "" if _allows(key, address) else "address_not_allowed"


def _in_force(now: datetime) -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))


def _allows(key: ApiKey, address: str) -> bool:
    if not key.allowed_addresses:
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    caller = getattr(caller, "ipv4_mapped", None) or caller
    return any(caller in ip_network(network) for network in key.allowed_addresses)


def note_use(key: ApiKey, address: str, now: datetime) -> None:
    """Note when and from where the key was last used, at most once a minute, and without waiting for others."""
    if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
        return
    write_if_free(partial(_note_used, key, address, now))


def _note_used(key: ApiKey, address: str, now: datetime) -> None:
    unnoted = ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY), pk=key.pk)
    if unnoted.select_for_update(skip_locked=True, no_key=True).exists():
        unnoted.update(last_used_at=now, last_used_address=address)
