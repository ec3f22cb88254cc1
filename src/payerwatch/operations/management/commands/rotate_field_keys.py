"""`payerwatch rotate_field_keys [--customer NAME] [--to plain]`"""

from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.claims.resealing import Resealed, reseal
from payerwatch.deliveries.resealing import reseal_endpoints
from payerwatch.members.resealing import reseal_ingest_secrets, reseal_kept_answers, reseal_second_factors
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.progress import shown_progress
from payerwatch.sealing.keys import FieldKeysNotSet, free_key_id, new_key, newest_key_id
from payerwatch.sealing.rows import wipe_freed_space
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.queries import customer_named

_REMAINS = (
    "What stood there before is still in the database's free space until it is vacuumed (PostgreSQL: VACUUM FULL by "
    "the owner; SQLite: run this again when nothing else uses the file), and in backups made before."
)


class Command(PayerwatchCommand):
    help = (
        "Bring sealed fields under the newest key of PAYERWATCH_FIELD_KEYS, customer by customer; customers under it "
        "are passed over, so a run that was stopped is simply started again. Older keys can be dropped afterwards."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--customer", metavar="NAME", help="only this customer (default: all)")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--to", choices=["plain"], help="store the values as they are again")
        chosen.add_argument("--new-key", action="store_true", help="print a new key and change nothing")

    def answer(self, **options: Any) -> Answer:
        if options["new_key"]:
            return _new_key()
        to_key = None if options["to"] else newest_key_id()
        if to_key is None and not options["to"]:
            raise FieldKeysNotSet
        name = options["customer"]
        customers = [customer_named(name)] if name else list(Customer.objects.order_by("name"))
        found = {customer: _resealed(customer, to_key) for customer in customers}
        answers = sum(reseal_kept_answers(customer, to_key, actor=command_actor()) for customer in customers)
        secrets = sum(reseal_ingest_secrets(customer, to_key, actor=command_actor()) for customer in customers)
        endpoints = sum(reseal_endpoints(customer, to_key, actor=command_actor()) for customer in customers)
        factors = 0 if name else reseal_second_factors(to_key, actor=command_actor())
        wiped = wipe_freed_space()
        done = [each for each in found.values() if each is not None]
        document = {
            "key": to_key or "plain",
            "rotated": [
                {"customer": each.customer.name, "from": each.from_key or "plain", "rows": each.rows} for each in done
            ],
            "passed_over": [customer.name for customer, each in found.items() if each is None],
            "second_factors": factors,
            "kept_answers": answers,
            "ingest_secrets": secrets,
            "endpoint_secrets": endpoints,
        }
        lines = [_line(customer, each, to_key or "plain") for customer, each in found.items()]
        lines += [f"{factors:,} authenticator secrets followed."] if factors else []
        lines += [f"{answers:,} kept answers followed."] if answers else []
        lines += [f"{secrets:,} secrets for batches followed."] if secrets else []
        lines += [f"{endpoints:,} addresses and secrets of endpoints followed."] if endpoints else []
        return Answer(document, "\n".join(lines) or "There is no customer.", warnings=_warnings(done, wiped=wiped))


def _new_key() -> Answer:
    key_id, key = free_key_id(date.today()), new_key()
    text = f"PAYERWATCH_FIELD_KEYS={key_id}:{key}"
    return Answer({"id": key_id, "key": key}, text, warnings=["Keys already there go behind it, after a comma."])


def _resealed(customer: Customer, to_key: str | None) -> Resealed | None:
    with shown_progress() as progress:
        return reseal(customer, to_key, actor=command_actor(), progress=progress)


def _line(customer: Customer, resealed: Resealed | None, key: str) -> str:
    name = f"[bold]{escape(customer.name)}[/bold]"
    if resealed is None:
        return f"{name} is {key} already." if key == "plain" else f"{name} is under {key} already."
    return f"{name}: {resealed.rows:,} rows, from {resealed.from_key or 'plain'} to {key}."


def _warnings(done: list[Resealed], *, wiped: bool) -> list[str]:
    return [_REMAINS] if done and not wiped else []
