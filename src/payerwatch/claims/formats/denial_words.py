"""Denial reasons without names: only words known to say why a claim is denied are kept.

No rule tells every name from every other word, so the words are listed that stay. Words that are common first names
or surnames (bill, grace, mark, page) are not among them, even where a reason may use them.
"""

import re

from payerwatch.claims.formats.privacy import mask_text

LEFT_OUT = "[…]"

_FUNCTION_WORDS = (
    "a an the this that these those it its is are was were be been being has have had does did not no non none nor"
    " and or of on at in by to from for with without within under over after before until since as if than then per"
    " via due because when while where which who whose only also both all any each either other another same again"
    " already yet still more less least too cannot could can should must would shall n s t d re un out up off into"
)
_CLAIM_WORDS = (
    "claim claims line lines item items charge charges charged service services procedure procedures proc code codes"
    " coded coding cod cpt hcpcs icd drg revenue rev dx diagnosis diagnoses modifier modifiers mod mods unit units"
    " quantity tob pos place dos date dates visit visits encounter admission discharge inpatient outpatient"
    " office emergency surgery surgical therapy physical drug drugs injection lab laboratory radiology imaging"
    " anesthesia evaluation management preventive screening test tests treatment treatments treating care equipment"
    " supply supplies device dme hospice home health nursing dental vision mental behavioral telehealth ambulance"
    " assistant surgeon bilateral unilateral repeat component components professional technical global period"
    " postoperative preoperative level"
)
_PARTY_WORDS = (
    "patient patients pt member subscriber insured guarantor dependent beneficiary enrollee client spouse newborn"
    " provider providers physician doctor dr facility hospital clinic practice group supplier payer payers payor"
    " insurer insurance insurances ins carrier carriers plan plans policy employer company third party vendor"
    " medicare medicaid tricare champva cms mac hmo ppo pos epo bcbs uhc aetna cigna humana advantage commercial"
    " workers worker compensation comp wc auto liability fault cob coord msp primary secondary tertiary"
)
_IDENTITY_WORDS = "id ids identification mrn ssn dob npi tin ein taxonomy account acct chart number numbers num name"
_DENIAL_WORDS = (
    "denied deny denies denial denials rejected reject rejection rejects declined decline refused refuse disallowed"
    " disallow reason reasons remark remarks adjusted adjustment adjustments adj carc rarc co pr oa pi cr reversal"
    " appeal appeals appealed reconsideration upheld overturned pending pended suspended hold closed resubmit"
    " resubmitted resubmission corrected correct correction corrections replacement void voided final initial"
    " duplicate duplicates duplicated duplication dup exact suspected previously paid pay payable payment payments"
    " processed process processing adjudicated adjudication considered allowed allowable allowance allow"
    " timely timeliness filing filed file tf tfl tmf late limit limits limitation limitations limited exceeded"
    " exceeds exceed expired expiration past time frame timeframe deadline elapsed days hours weeks months years year"
    " auth auths authorization authorizations authorized unauthorized authorisation preauth preauthorization prior pre"
    " precert precertification certification certified cert referral referrals referred referring ordering rendering"
    " attending notification notice absent approval approved required requires require requirement requirements"
    " requested request requesting needed needs need obtained obtain"
    " medical medically med mednec necessary unnecessary necessity nec experimental investigational unproven"
    " lcd ncd deemed appropriate inappropriate criteria met meet support supported supporting supports review"
    " reviewed clinical policies guideline guidelines"
    " coordination coordinated benefit benefits maximum lifetime annual yearly reached exhausted exhaust met"
    " excluded exclusion exclusions noncovered uncovered covered cover coverage elig eligible eligibility ineligible"
    " inelig effective terminated termination termed term lapsed lapse inactive active enrolled enrollment unenrolled"
    " disenrolled identified identify identifiable found unknown match matched matching mismatch mismatched"
    " verify verified verification expenses incurred deceased age gender sex"
    " bundle bundled bundles bundling unbundled unbundling ncci cci mue inclusive included includes include"
    " incidental mutually exclusive separately separate reimbursed reimbursable reimbursement combined"
    " network oon participating nonparticipating par nonpar contracted uncontracted contract contractual"
    " credentialed credentialing credentials credential license licensed specialty type types class qualified"
    " missing incomplete invalid incorrect wrong inconsistent inaccurate insufficient info information data"
    " documentation documents document documented attachment attachments record records report reports note notes"
    " chart itemized statement invoice signature signed form forms lacks lacking lack submitted submit"
    " submission submissions send sent received receive receipt billed billing rebill rebilled error errors edit"
    " edits failed fails eob eobs remittance era letter letters see attached call called contact please refer"
    " amount amounts balance total fee fees schedule rate rates sequestration writeoff write deductible coinsurance"
    " copay copayment coins responsibility responsible resp share portion cost capitation capitated capitatable"
    " determined determination decision decided available unavailable applied apply applies applicable"
    " based used use using performed perform provided provide rendered ordered prescribed listed valid able unable"
    " new change changed changes different multiple single one two three first second additional partial partially"
    " full high low out inside outside status misc miscellaneous general special unspecified specified specific"
    " system electronic paper clearinghouse na other none tbd unlisted"
)
_KNOWN = frozenset(
    re.findall(r"[a-z]+", " ".join((_FUNCTION_WORDS, _CLAIM_WORDS, _PARTY_WORDS, _IDENTITY_WORDS, _DENIAL_WORDS)))
)
_IDENTITIES = frozenset(_IDENTITY_WORDS.split()) - {"npi", "taxonomy"}
_CODE = re.compile(
    r"(?:CO|PR|OA|PI|CR|CARC|RARC)?[ABDPWY]?\d{1,3}|(?:N|M|MA)\d{1,3}|\d{1,3}(?:ST|ND|RD|TH)", re.IGNORECASE
)
# A mask of `mask_text`, or what stands between white space and ASCII punctuation.
_TOKEN = re.compile(r"\[(?:e-mail|number|phone|date|name|identifier)\]|(?:[^\W_]|[^\x00-\x7f\s–—‘’“”•…])+")
_SEVERAL = re.compile(r"(?:\[…\]|\[name\])(?:[\s,.&'’-]*(?:\[…\]|\[name\]))+")


def known_words(text: str) -> str:
    """A denial reason in which every identifier is masked and every word not known to the trade is `[…]`.

    Codes (CO-197, N130) and numbers of at most three digits stay, unless they follow a word such as MRN.
    """
    kept = ""
    at, before = 0, ""
    masked = mask_text(text)
    for found in _TOKEN.finditer(masked):
        token = found[0]
        kept += masked[at : found.start()] + (token if _is_kept(token, before) else LEFT_OUT)
        at, before = found.end(), token.lower()
    return _SEVERAL.sub(LEFT_OUT, kept + masked[at:])


def _is_kept(token: str, before: str) -> bool:
    if token.startswith("["):
        return True
    if _CODE.fullmatch(token):
        return token.isascii() and before not in _IDENTITIES
    return token.lower() in _KNOWN
