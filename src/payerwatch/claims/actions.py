"""What is done to uploads and mappings; `loading` does what a file does to claims.

The caller has entered the customer and holds the lock on claims. Counting into run-off
cells is the next step's: `pipeline.py` puts it around these, in the same transaction.
"""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import F, Max, ProtectedError
from django.utils import timezone

from payerwatch.claims import merging, slices
from payerwatch.claims.cpt_groups import cpt_group
from payerwatch.claims.formats.csv import ClaimsFile
from payerwatch.claims.formats.lines import printable
from payerwatch.claims.models import (
    Claim,
    ClaimState,
    CptGroupMapping,
    Payer,
    PayerMapping,
    ReplacedClaim,
    Upload,
    UploadSlice,
)
from payerwatch.claims.payers import payer_key
from payerwatch.claims.queries import uploads_that_changed_claims_of
from payerwatch.claims.resealing import start_sealed
from payerwatch.refusals import Kind, Refusal

_LIKE_OUR_ID = re.compile(r"pyr_[0-9]+", re.IGNORECASE)
_STATES: tuple[type[ClaimState], ...] = (Claim, ReplacedClaim)


class UploadNotLoaded(Refusal):
    """The upload waits, was refused or repeated another: there is nothing to take back."""

    kind = Kind.CONFLICT


class UploadAlreadyUndone(Refusal):
    """The upload was taken back before."""

    kind = Kind.CONFLICT


class UploadChangedSince(Refusal):
    """A later upload changed the same claims, so this one cannot be taken back by itself."""

    kind = Kind.CONFLICT


class PayerNameUnusable(Refusal):
    """A payer's name needs at least one letter or digit, and at most 200 characters."""


class CodeRangeUnusable(Refusal):
    """A range of codes needs two CPT or HCPCS codes of one kind, in order."""


class UnknownCptGroupMapping(Refusal):
    """The grouping was taken away meanwhile."""

    kind = Kind.MISSING


class CptGroupNameUnusable(Refusal):
    """A CPT group's name must have 1 to 40 characters that can be printed."""


class MappedAlready(Refusal):
    """The spelling or the range of codes is mapped already, and to something else."""

    kind = Kind.CONFLICT

    def __init__(self, mapping: PayerMapping | CptGroupMapping) -> None:
        super().__init__(
            f"This is mapped already to something else, as {mapping.public_id}.",
            fix=f"To change it, read {mapping.public_id} and PATCH it with If-Match of its ETag.",
        )


def receive_upload(file: ClaimsFile, filename: str) -> Upload:
    """Record the file that is about to be loaded."""
    start_sealed()
    return Upload.objects.create(
        filename=printable(Path(filename).name)[:255],
        digest=file.digest,
        size_bytes=file.size_bytes,
        mapping=file.mapping | dict.fromkeys(file.choice.unmapped),
        dropped_columns=list(file.dropped_columns),
        date_order=file.date_order or "",
        header_signature=file.header_signature,
    )


def refuse_unless_undoable(upload: Upload, *, files_named: bool = True) -> None:
    """Raises UploadNotLoaded, UploadAlreadyUndone or UploadChangedSince, which names the uploads in the way.

    Files are named to who may read claims, as their names may tell of a patient.
    """
    if upload.state == Upload.State.UNDONE:
        raise UploadAlreadyUndone(f"{upload.public_id} was taken back already.", fix="Nothing needs to be done.")
    if upload.state != Upload.State.LOADED:
        raise UploadNotLoaded(
            f"{upload.public_id} is not loaded but {upload.state}: it has changed nothing.",
            fix="Undo the upload that it repeats." if upload.repeats else "Nothing needs to be taken back.",
        )
    changed_by = uploads_that_changed_claims_of(upload)
    later = [f"{each.public_id} ({each.filename})" if files_named else each.public_id for each in changed_by]
    if later:
        raise UploadChangedSince(
            f"{upload.public_id} cannot be taken back: later uploads changed the same claims.",
            where=f"Changed since by: {', '.join(later)}.",
            fix="Take those back first, the latest first; then this one; then load the files that are right again.",
        )


def undo_upload(upload: Upload) -> Upload:
    """Take back what an upload did: restore the claims it changed, remove those and the payers it brought."""
    spellings = Claim.objects.filter(upload=upload).values_list("payer_mapping", flat=True).distinct()
    touched = set(spellings)
    merging.take_back(upload.pk)
    _drop_unused_spellings(touched)
    slices.drop(upload, UploadSlice.Kind.SET_ASIDE)
    upload.state = Upload.State.UNDONE
    upload.undone_at = _later_than_all_loads()
    upload.save()
    return upload


def _later_than_all_loads() -> datetime:
    """Now; or just after the latest load, where the clock of the machine that loaded was ahead of this one's.

    Whether a file still stands whole is told by which came first.
    """
    latest = Upload.objects.aggregate(latest=Max("loaded_at"))["latest"]
    now = timezone.now()
    return now if latest is None else max(now, latest + timedelta(microseconds=1))


def _drop_unused_spellings(touched: set[int]) -> None:
    """Remove the spellings no claim has any more, with their payers, where no person has mapped them.

    A file read by the wrong column may have made thousands, which would be suggested ever after.
    """
    payers = PayerMapping.objects.filter(pk__in=touched).values("payer")
    used = set(Claim.objects.filter(payer__in=payers).values_list("payer_mapping", flat=True).distinct())
    used |= set(ReplacedClaim.objects.values_list("payer_mapping", flat=True).distinct())
    unused = PayerMapping.objects.filter(pk__in=touched - used, raw_key=F("payer__name_key"))
    for mapping in list(unused.select_related("payer")):
        mapping.delete()
        with suppress(ProtectedError):  # another spelling, a cell or an event still names the payer
            mapping.payer.delete()


def payer_spelling(raw_name: str) -> PayerMapping | None:
    """The mapping of a spelling, if files or a person have made one."""
    return PayerMapping.objects.filter(raw_key=payer_key(raw_name)).select_related("payer").first()


def payer_names(raw_name: str, payer_name: str) -> tuple[str, str]:
    """A spelling and a payer's name as they are stored. Raises PayerNameUnusable."""
    raw_name, payer_name = (" ".join(name.split()) for name in (raw_name, payer_name))
    for field, name in (("raw_name", raw_name), ("payer", payer_name)):
        if not payer_key(name) or len(name) > 200 or not name.isprintable():
            raise PayerNameUnusable(
                "This cannot be a payer's name.", where=field, fix="Use 1 to 200 letters or digits."
            )
    if _LIKE_OUR_ID.fullmatch(payer_name):
        raise PayerNameUnusable("This is an id and not a payer's name.", where="payer", fix="Give the payer's name.")
    return raw_name, payer_name


def map_payer(raw_name: str, payer_name: str) -> PayerMapping:
    """Map a spelling to a payer (names as of `payer_names`), which is made if it is new; its stored claims follow."""
    known = payer_meant(raw_name, payer_name)
    payer = known or Payer.objects.create(name=payer_name, name_key=payer_key(payer_name))
    mapping, _ = PayerMapping.objects.update_or_create(
        raw_key=payer_key(raw_name), defaults={"payer": payer}, create_defaults={"payer": payer, "raw_name": raw_name}
    )
    for states in _STATES:
        states.objects.filter(payer_mapping=mapping).update(payer=payer)
    return mapping


def payer_meant(raw_name: str, payer_name: str) -> Payer | None:
    """Whom a spelling means that is mapped to this name, which may itself be a spelling of another payer's.

    None where nobody has the name yet.
    """
    spelling = payer_spelling(payer_name)
    if spelling is not None and payer_key(raw_name) != payer_key(payer_name):
        return spelling.payer
    return Payer.objects.filter(name_key=payer_key(payer_name)).first()


def code_range(code_from: str, code_to: str) -> tuple[str, str]:
    """The two ends as codes are stored. Raises CodeRangeUnusable."""
    low, high = code_from.strip().upper(), code_to.strip().upper()
    try:
        cpt_group(low, [(low, high, "")])
    except ValueError:
        raise CodeRangeUnusable(
            "This is not a range of CPT or HCPCS codes.",
            where="code_from",
            fix="Give one code, or two of one kind, the lower first, such as 97110 and 97150, or J0100 and J0999.",
        ) from None
    return low, high


def cpt_group_mapping(code_from: str, code_to: str) -> CptGroupMapping | None:
    """The customer's own grouping of exactly this range, if there is one."""
    return CptGroupMapping.objects.filter(code_from=code_from, code_to=code_to).first()


def cpt_group_name(text: str) -> str:
    """A group's name as it is stored. Raises CptGroupNameUnusable."""
    name = " ".join(text.split())
    if not name or len(name) > 40 or not name.isprintable():
        raise CptGroupNameUnusable(
            "This cannot be a CPT group's name.", where="cpt_group", fix="Use 1 to 40 printable characters."
        )
    return name


def map_cpt_group(code_from: str, code_to: str, group: str) -> CptGroupMapping:
    """Group a range of codes (ends as of `code_range`, name as of `cpt_group_name`) the customer's own way; stored
    claims follow."""
    mapping, _ = CptGroupMapping.objects.update_or_create(
        code_from=code_from, code_to=code_to, defaults={"cpt_group": group}
    )
    _regroup(code_from, code_to)
    return mapping


def unmap_cpt_group(mapping_id: int) -> CptGroupMapping:
    """Take a grouping away; stored claims follow what is left. Raises UnknownCptGroupMapping."""
    mapping = CptGroupMapping.objects.filter(pk=mapping_id).first()
    if mapping is None:
        raise UnknownCptGroupMapping("The grouping is no longer there.", fix="Nothing needs to be done.")
    CptGroupMapping.objects.filter(pk=mapping_id).delete()
    _regroup(mapping.code_from, mapping.code_to)
    return mapping


def _regroup(code_from: str, code_to: str) -> None:
    """Give the stored claims of these codes the group that now is theirs."""
    overrides = [(m.code_from, m.code_to, m.cpt_group) for m in CptGroupMapping.objects.all()]
    for states in _STATES:
        inside = states.objects.filter(cpt__gte=code_from, cpt__lte=code_to)
        codes = list(inside.values_list("cpt", flat=True).distinct())
        by_group: dict[str, list[str]] = {}
        for code in codes:
            by_group.setdefault(cpt_group(code, overrides), []).append(code)
        for name, members in by_group.items():
            inside.filter(cpt__in=members).exclude(cpt_group=name).update(cpt_group=name)
