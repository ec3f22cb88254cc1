"""`payerwatch forget [--customer NAME] [--dry-run]`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.forgetting import Gone, due, forget
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.progress import shown_progress
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = (
        "Forget what was kept long enough: pieces of files after PAYERWATCH_KEEP_FILES_DAYS, claims and messages "
        "where `keep` says so. Workers do it each night. A run that was stopped is simply started again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--customer", metavar="NAME", help="only this customer's (default: all)")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")

    def answer(self, **options: Any) -> Answer:
        name, dry = options["customer"], options["dry_run"]
        customers = [customer_named(name)] if name else list(Customer.objects.order_by("name"))
        gone = {customer.name: due(customer) if dry else _forgotten(customer) for customer in customers}
        document = {"dry_run": dry, "customers": [{"name": each, "rows": dict(rows)} for each, rows in gone.items()]}
        return Answer(document, "\n".join(escape(_line(*each)) for each in gone.items()) or "There is no customer.")


def _forgotten(customer: Customer) -> Gone:
    total = sum(due(customer).values())
    with shown_progress() as progress:
        return forget(
            customer,
            actor=command_actor(),
            told=lambda gone: progress("forget", min(sum(gone.values()), total), total),
        )


def _line(name: str, rows: Gone) -> str:
    told = ", ".join(f"{number:,} of {table}" for table, number in rows.items() if number)
    return f"{name}: {told or 'nothing'}."
