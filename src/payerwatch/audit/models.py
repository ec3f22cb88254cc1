"""The tables of the record: entries, and the head of the chain they form.

Written by `chain` alone. On PostgreSQL the application may read these tables and call the function that
appends; on SQLite triggers refuse whatever does not continue the chain. Nothing deletes an entry.
"""

from django.db import models

from payerwatch.tenancy.models import TenantModel


class EntryFields(models.Model):
    """One thing that was done or refused: who, what, to which thing, with which outcome."""

    position = models.BigIntegerField(help_text="place in the chain, from 1")
    at = models.DateTimeField(help_text="when it was written, by the database's clock under the chain's lock")
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=40)
    actor_name = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    address = models.CharField(max_length=45)
    request_id = models.CharField(max_length=100)
    verb = models.CharField(max_length=40)
    thing_kind = models.CharField(max_length=40)
    thing_id = models.CharField(max_length=100)
    outcome = models.CharField(max_length=10)
    detail = models.TextField(help_text="before and after as canonical JSON, or empty")
    previous = models.BinaryField(help_text="digest of the entry before; 32 zero bytes at position 1")
    digest = models.BinaryField(help_text="SHA-256 over the previous digest and everything above")

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        return f"ent_{self.position}"


class ChainFields(models.Model):
    """The head of a chain: how many entries it has, and the digest of the last."""

    length = models.BigIntegerField(default=0)
    digest = models.BinaryField()

    class Meta:
        abstract = True


class Entry(TenantModel, EntryFields):
    """What was done for, or to, one customer."""

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "position"], name="audit_entry_position_unique")]


class Chain(TenantModel, ChainFields):
    """The head of a customer's chain."""

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer"], name="audit_chain_customer_unique")]


class InstallationEntry(EntryFields):
    """What belongs to no customer: customers added, operators, refused sign-ins, migrations."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["position"], name="audit_installationentry_position_unique")]


class InstallationChain(ChainFields):
    """The head of the installation's chain: one row, with id 1."""
