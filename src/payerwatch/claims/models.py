"""The tables of claims: payers and their spellings, CPT group mappings, uploads, claims.

Amounts are whole US cents. Dates are calendar dates without a zone, as payers state them.
"""

from collections.abc import Sequence

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from payerwatch.claims.numbers import PURPOSE, number_from
from payerwatch.sealing.fields import SealedTextField
from payerwatch.sealing.models import refuse_plain
from payerwatch.tenancy.absent_values import AbsentLowest
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import TenantForeignKey, TenantModel


def new_upload_id() -> str:
    return new_public_id("upl")


class Payer(TenantModel):
    """Who decides claims. `name_key` is the name without case, spacing and punctuation."""

    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "name_key"], name="claims_payer_name_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        return f"pyr_{self.pk}"


class PayerMapping(TenantModel):
    """How a payer is written in files: one spelling (case, spacing and punctuation aside) -> payer."""

    raw_name = models.CharField(max_length=200)
    raw_key = models.CharField(max_length=200)
    payer = TenantForeignKey(Payer, on_delete=models.PROTECT, related_name="mappings")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "raw_key"], name="claims_payermapping_raw_unique")]

    def __str__(self) -> str:
        return self.raw_name

    @property
    def public_id(self) -> str:
        return f"map_{self.pk}"


class CptGroupMapping(TenantModel):
    """A customer's own grouping of a range of CPT/HCPCS codes, both ends included."""

    code_from = models.CharField(max_length=5)
    code_to = models.CharField(max_length=5)
    cpt_group = models.CharField(max_length=40)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "code_from", "code_to"], name="claims_cptgroupmapping_range_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code_from}-{self.code_to}: {self.cpt_group}"

    @property
    def public_id(self) -> str:
        return f"grp_{self.pk}"


class Upload(TenantModel):
    """One file: on its way, waiting to be loaded, loaded, refused or taken back; and what became of its rows.

    Only `loaded` uploads have claims. A file that was sent over HTTP has a row while it waits; loading it makes
    another that takes over its public id and its arrival, so that uploads are stored in the order in which they were
    loaded, and listed in the order in which they came.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving"
        RECEIVED = "received"
        LOADING = "loading"
        LOADED = "loaded"
        REPEATED = "repeated"
        REFUSED = "refused"
        UNDONE = "undone"

    class Source(models.TextChoices):
        FILE = "file"
        INGEST = "ingest"

    class Form(models.TextChoices):
        CSV = "csv"
        NDJSON = "ndjson"

    public_id = models.CharField(max_length=24, default=new_upload_id, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.LOADED)
    source = models.CharField(
        max_length=6, choices=Source, default=Source.FILE, db_default=Source.FILE, help_text="how it came"
    )
    form = models.CharField(
        max_length=6, choices=Form, default=Form.CSV, db_default=Form.CSV, help_text="how its rows are written"
    )
    filename = SealedTextField(purpose="upload.filename")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file's bytes, in hexadecimal")
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0, help_text="of a file that is sent in slices")
    rows = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    set_aside = models.BigIntegerField(default=0)
    new_claims = models.BigIntegerField(default=0)
    updated_claims = models.BigIntegerField(default=0)
    unchanged_claims = models.BigIntegerField(default=0)
    reasons = models.JSONField(default=dict, help_text="rows set aside, by reason code")
    mapping = models.JSONField(default=dict, help_text="field -> the file's column; until it is loaded, as asked for")
    dropped_columns = models.JSONField(default=list, help_text="columns refused at the door as patient data")
    date_order = models.CharField(max_length=3, blank=True)
    header_signature = models.CharField(max_length=64, blank=True)
    first_date = models.DateField(null=True, help_text="earliest submitted or decided date accepted")
    last_date = models.DateField(null=True, help_text="latest submitted or decided date accepted")
    arrived_at = models.DateTimeField(
        default=timezone.now, db_default=Now(), help_text="when its sending was begun, or it was loaded by a command"
    )
    received_at = models.DateTimeField(null=True, help_text="when it was sent over HTTP, or its last slice so far")
    loaded_at = models.DateTimeField(default=timezone.now, null=True)
    undone_at = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(default=0, help_text="how often loading it was begun")
    stage = models.CharField(max_length=10, blank=True, help_text="what loading it is at")
    done = models.BigIntegerField(default=0, help_text="of `total`, in the stage's own unit")
    total = models.BigIntegerField(default=0)
    refusal = models.JSONField(null=True, help_text="why it was refused: code, message, where, fix")
    repeats = models.CharField(max_length=24, blank=True, help_text="the upload that had loaded these bytes")
    detection_due = models.BooleanField(default=False, help_text="whether drift is yet to be looked for")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "public_id"], name="claims_upload_public_id_unique")]
        indexes = [
            models.Index(fields=["customer", "digest"], name="claims_upload_digest"),
            models.Index(fields=["customer", "state"], name="claims_upload_state"),
            models.Index(fields=["customer", "arrived_at", "public_id"], name="claims_upload_arrived"),
        ]

    def __str__(self) -> str:
        return self.public_id


class UploadSlice(TenantModel):
    """A piece of a file that waits to be loaded, or of the rows a load has set aside. Always sealed.

    A file may hold what must never be stored in the clear, so that these are no files and are sealed also where no
    field keys are set.
    """

    class Kind(models.TextChoices):
        CONTENT = "content"
        SET_ASIDE = "set_aside"

    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="slices")
    kind = models.CharField(max_length=9, choices=Kind)
    position = models.BigIntegerField(help_text="of its first byte")
    key_id = models.CharField(max_length=16)
    packed = models.BooleanField(
        default=False, db_default=False, help_text="whether it is compressed, beneath the seal"
    )
    sealed = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "upload", "kind", "position"], name="claims_uploadslice_place")
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.position}"


class BatchName(TenantModel):
    """What its sender calls a batch, for as long as the batch is there: the same name never brings it twice.

    `digest` stands for the name and `content` for what was sent under it: HMACs, as either may be guessed. Loading
    makes another upload under the same public id, so that the batch is known by that.
    """

    public_id = models.CharField(max_length=24, help_text="of the upload")
    digest = models.CharField(max_length=64)
    content = models.CharField(max_length=64)
    conflicts = models.IntegerField(default=0, help_text="how often the name was sent with something else")
    last_conflict_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="when people were last told of one")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "digest"], name="claims_batchname_digest_unique"),
            models.UniqueConstraint(fields=["customer", "public_id"], name="claims_batchname_public_id_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id


class ClaimState(TenantModel):
    """What is known of a claim: its latest decision, and apart from it the first one.

    `outcome` and `status` are the latest; `first_…` is the earliest decision seen, which is what drift is
    measured on: an appeal won later does not undo that the payer denied.
    """

    class Outcome(models.TextChoices):
        PAID = "paid"
        DENIED = "denied"
        PENDING = "pending"

    payer_mapping = TenantForeignKey(PayerMapping, on_delete=models.PROTECT, related_name="+")
    payer = TenantForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    upload = TenantForeignKey(
        Upload, on_delete=models.PROTECT, related_name="+", help_text="the upload that last changed the claim"
    )
    claim_key = models.CharField(max_length=100, help_text="the claim number, or its blind index where it is sealed")
    sealed_number = SealedTextField(purpose=PURPOSE, null=True)
    submitted_date = models.DateField()
    service_date = models.DateField(null=True)
    cpt = models.CharField(max_length=5)
    cpt_group = models.CharField(max_length=40)
    billed_amount = models.BigIntegerField(null=True)
    allowed_amount = models.BigIntegerField(null=True)
    paid_amount = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=7, choices=Outcome)
    status = models.CharField(max_length=14)
    decided_date = models.DateField(null=True)
    denial_code = models.CharField(max_length=8, null=True)
    denial_reason = models.CharField(max_length=200, null=True)
    denial_category = models.CharField(max_length=24, null=True)
    first_outcome = models.CharField(max_length=7, choices=Outcome)
    first_decided_date = models.DateField(null=True)
    first_denial_category = models.CharField(max_length=24, null=True)

    class Meta(TenantModel.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"claim {self.pk}"

    @property
    def claim_number(self) -> str:
        """The number as files state it, or ours (`~…`), stored either way. Raises SealBroken."""
        return number_read(self.claim_key, self.sealed_number)


def number_read(claim_key: str, opened: str | None) -> str:
    """The claim number of two columns as they are read. Raises SealBroken."""
    return numbers_read([(claim_key, opened)])[0]


def numbers_read(columns: Sequence[tuple[str, str | None]]) -> list[str]:
    """As `number_read` for each. Raises SealBroken."""
    if any(opened is None for _, opened in columns):
        refuse_plain(PURPOSE)
    return [key if opened is None else number_from(key, opened) for key, opened in columns]


class Claim(ClaimState):
    """One claim of the customer, known by its number and the day it was submitted.

    A row without a claim number gets one of ours, beginning with `~`, made from its content and its place
    among equal rows.
    """

    class Meta(ClaimState.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "claim_key", "submitted_date"], name="claims_claim_number_unique"
            ),
            # The order of pages, and what the key will be where claims are kept by month.
            models.UniqueConstraint(fields=["customer", "submitted_date", "id"], name="claims_claim_place_unique"),
        ]
        indexes = [
            models.Index(fields=["customer", "upload"], name="claims_claim_upload"),
            models.Index(fields=["customer", "payer", "submitted_date", "id"], name="claims_claim_payer"),
            models.Index(fields=["customer", "payer_mapping"], name="claims_claim_spelling"),
            models.Index("customer", AbsentLowest("billed_amount"), "id", name="claims_claim_billed"),
            models.Index(fields=["customer", "cpt", "submitted_date", "id"], name="claims_claim_cpt"),
            models.Index(fields=["customer", "cpt_group", "submitted_date", "id"], name="claims_claim_group"),
            models.Index(
                fields=["customer", "denial_code", "submitted_date", "id"],
                name="claims_claim_denial",
                condition=models.Q(denial_code__isnull=False),
            ),
        ]


class ReplacedClaim(ClaimState):
    """A claim as it was before an upload changed it; kept so that the upload can be taken back."""

    claim = TenantForeignKey(Claim, on_delete=models.PROTECT, related_name="+")
    replaced_by = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")

    class Meta(ClaimState.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["customer", "replaced_by", "claim"], name="claims_replacedclaim_once")
        ]
        indexes = [
            models.Index(fields=["customer", "upload"], name="claims_replaced_upload"),
            models.Index(fields=["customer", "claim"], name="claims_replaced_claim"),
            models.Index(fields=["customer", "payer_mapping"], name="claims_replaced_spelling"),
        ]
