"""Reads of claims that others need."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Aggregate, Count, Exists, JSONField, Max, Q, QuerySet, Subquery, Sum
from django.db.models.functions import JSONObject

from payerwatch.claims.models import Claim, Payer, ReplacedClaim, Upload
from payerwatch.claims.numbers import StoredNumbers
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.models import FieldKey, customer_key_id
from payerwatch.tenancy.ways import Ways

RECENT_DAYS = 7


class UnknownUpload(Refusal):
    """No upload of this customer has this id."""

    kind = Kind.MISSING


def watermark() -> date | None:
    """The latest submitted or decided date loaded, or None where nothing is."""
    last: date | None = loaded_uploads().aggregate(last=Max("last_date"))["last"]
    return last


def loaded_uploads() -> QuerySet[Upload]:
    """The uploads that stand, oldest first."""
    return Upload.objects.filter(state=Upload.State.LOADED).order_by("pk")


@dataclass(frozen=True)
class UploadsSoFar:
    """What was ever loaded. `loaded` and `undone` only grow, so that two looks tell what happened between them."""

    loaded: int
    undone: int
    last_date: date | None
    """The latest submitted or decided date of what stands."""
    recent: int
    """Files of the last days that stand, and their rows."""
    recent_rows: int
    recent_set_aside: int

    @property
    def counts(self) -> dict[str, int]:
        return {"loaded": self.loaded, "undone": self.undone}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "UploadsSoFar":
        last = told["last_date"]
        return cls(**{**told, "last_date": date.fromisoformat(last) if last else None})


def uploads_so_far(now: datetime) -> UploadsSoFar:
    return UploadsSoFar(**Upload.objects.aggregate(**_so_far(now)))


def uploads_so_far_told(now: datetime) -> Subquery:
    """The same as a value of another query, for `UploadsSoFar.read`."""
    counted = Upload.objects.order_by().values("customer").annotate(told=JSONObject(**_so_far(now)))
    return Subquery(counted.values("told"), output_field=JSONField())


def _so_far(now: datetime) -> dict[str, Aggregate]:
    stands, undone = Q(state=Upload.State.LOADED), Q(state=Upload.State.UNDONE)
    recent = stands & Q(loaded_at__gt=now - timedelta(days=RECENT_DAYS))
    return {
        "loaded": Count("pk", filter=stands | undone),
        "undone": Count("pk", filter=undone),
        "last_date": Max("last_date", filter=stands),
        "recent": Count("pk", filter=recent),
        "recent_rows": Sum("rows", filter=recent, default=0),
        "recent_set_aside": Sum("set_aside", filter=recent, default=0),
    }


def earlier_upload_of(digest: str) -> Upload | None:
    """The standing upload that loaded these very bytes."""
    return loaded_uploads().filter(digest=digest).last()


def stands_whole(upload: Upload) -> bool:
    """Whether all claims of an upload's file must still be there.

    After any later undo they need not: claims that it only repeated may have gone with the upload that
    brought them.
    """
    return not Upload.objects.filter(undone_at__gt=upload.loaded_at).exists()


def latest_upload_with(header_signature: str) -> Upload | None:
    """The latest standing upload whose file had the same header row."""
    return loaded_uploads().filter(header_signature=header_signature).last()


def upload_with_id(public_id: str) -> Upload:
    """Raises UnknownUpload."""
    upload = Upload.objects.filter(public_id=public_id).first()
    if upload is None:
        known = loaded_uploads().order_by("-pk").values_list("public_id", "filename")[:3]
        latest = ", ".join(f"{known_id} ({filename})" for known_id, filename in known)
        raise UnknownUpload(
            f"There is no upload {public_id!r}.", fix=f"The latest are: {latest}." if latest else "Nothing is loaded."
        )
    return upload


def uploads_that_changed_claims_of(upload: Upload) -> QuerySet[Upload]:
    """All later uploads that changed claims which `upload` brought or changed."""
    its_claims = ReplacedClaim.objects.filter(upload=upload).values("claim_id")
    later = ReplacedClaim.objects.filter(claim_id__in=its_claims, replaced_by_id__gt=upload.pk)
    return Upload.objects.filter(pk__in=later.values("replaced_by_id")).order_by("pk")


def uploads_that_repeated_claims_since(upload: Upload) -> QuerySet[Upload]:
    """Later uploads with claims that changed nothing, since they were stored before; perhaps by `upload`."""
    return loaded_uploads().filter(pk__gt=upload.pk, unchanged_claims__gt=0)


def payers() -> QuerySet[Payer]:
    """All payers, each with its number of `spellings`."""
    return Payer.objects.annotate(spellings=Count("mappings"))


def upload_counts() -> dict[str, Any]:
    """What became of all files and rows: of the uploads that stand, and how many there are in each state."""
    counts = ("rows", "accepted", "set_aside")
    sums = {f"{name}_of_all": Sum(name) for name in counts}
    states: list[Any] = list(Upload.objects.values("state").annotate(files=Count("pk"), last=Max("loaded_at"), **sums))
    loaded: dict[str, Any] = next((each for each in states if each["state"] == Upload.State.LOADED), {})
    reasons: Counter[str] = Counter()
    for found in loaded_uploads().exclude(set_aside=0).values_list("reasons", flat=True):
        reasons.update(found)
    return {
        "files": loaded.get("files", 0),
        **{name: loaded.get(f"{name}_of_all", 0) for name in counts},
        "by_state": {each["state"]: each["files"] for each in states},
        "by_reason": dict(sorted(reasons.items())),
        "last_loaded_at": loaded.get("last"),
    }


def claims_of(payer: Payer, cpt_group: str) -> QuerySet[Claim]:
    """The claims of a payer, of one CPT group or (blank) of all, by date of submission, then as they were stored."""
    claims = Claim.objects.filter(payer=payer).order_by("submitted_date", "pk")
    return claims.filter(cpt_group=cpt_group) if cpt_group else claims


def claims_with_number(number: str) -> QuerySet[Claim]:
    """The claims of exactly this number, plain or sealed, the earliest submitted first. Raises FieldKeyMissing."""
    key = StoredNumbers(customer_key_id()).key_of(number)
    return Claim.objects.filter(claim_key=key).order_by("submitted_date", "pk")


def payer_named(name: str) -> QuerySet[Any]:
    """The id of the payer of this name, however its letters are written; as what a column can equal."""
    return Payer.objects.filter(name__iexact=name).values("pk")[:1]


def ways_of_searching(term: str) -> Ways:
    """Claims of exactly this number, code or denial code, or of payers whose name begins so.

    Under which key the customer's numbers are is not asked for: the number is looked for as it is under any. Of a
    customer whose key is not here every claim is found, since to open the first then raises FieldKeyMissing.
    """
    code, key_ids = term.upper(), list(settings.FIELD_KEYS)
    sealed = [StoredNumbers(key_id).key_of(term) for key_id in key_ids]
    return Ways(
        [
            Q(claim_key=term, sealed_number__isnull=True),
            *([Q(claim_key__in=sealed, sealed_number__isnull=False)] if sealed else []),
            Q(cpt=code),
            Q(denial_code=code),
        ],
        of_all_or_none=Q(Exists(FieldKey.objects.exclude(key_id__in=key_ids))),
        of_each={"payer": Payer.objects.filter(name__istartswith=term)},
        along=("submitted_date", "pk"),
    )


def newest_upload_id() -> int:
    """The number of the upload that was loaded last; 0 where none is."""
    newest: int | None = loaded_uploads().aggregate(newest=Max("pk"))["newest"]
    return newest or 0
