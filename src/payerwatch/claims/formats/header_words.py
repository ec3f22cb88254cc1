"""The words exports use in their headers, reduced to a few, and what combinations of them mean.

A weight is how surely such a header means the field, 0 to 1, before its cells are looked at.
"""

FIELDS = (
    "payer",
    "cpt",
    "submitted_date",
    "outcome",
    "decided_date",
    "claim_number",
    "service_date",
    "billed_amount",
    "allowed_amount",
    "paid_amount",
    "denial_reason",
)
REQUIRED = ("payer", "cpt", "submitted_date", "outcome", "decided_date")
DATE_FIELDS = ("submitted_date", "decided_date", "service_date")
AMOUNT_FIELDS = ("billed_amount", "allowed_amount", "paid_amount")

MEANINGS = {
    "payer": "the payer's name",
    "cpt": "the CPT or HCPCS code",
    "submitted_date": "the date the claim was submitted",
    "outcome": "the outcome (paid, denied, pending)",
    "decided_date": "the date the payer decided",
}

# What people call a field in --mapping.
FIELD_ALIASES = {
    **dict.fromkeys(("payer_name", "payor", "insurance", "carrier"), "payer"),
    **dict.fromkeys(("cpt_code", "hcpcs", "procedure", "procedure_code"), "cpt"),
    **dict.fromkeys(("submitted", "submission_date", "submitted_on", "date_submitted"), "submitted_date"),
    **dict.fromkeys(("status", "claim_status", "decision"), "outcome"),
    **dict.fromkeys(("decided", "decision_date", "decided_on", "adjudication_date"), "decided_date"),
    **dict.fromkeys(("claim", "claim_id", "number"), "claim_number"),
    **dict.fromkeys(("service", "date_of_service", "dos"), "service_date"),
    **dict.fromkeys(("billed", "charge", "charges"), "billed_amount"),
    **dict.fromkeys(("allowed",), "allowed_amount"),
    **dict.fromkeys(("paid", "payment"), "paid_amount"),
    **dict.fromkeys(("denial_code", "reason", "carc", "denial"), "denial_reason"),
}

# Spellings of a word, reduced to one. An empty word is left out.
WORDS = {
    word: reduced
    for reduced, words in {
        "": "the of on was is for a by to in and y n yn flag indicator ind",
        "date": "dt dte dates day at datetime timestamp",
        "amount": "amt amts amounts dollars usd value",
        "number": "no num nbr numbers nmbr ref reference",
        "id": "ident identifier ids",
        "service": "svc serv services dos rendered",
        "procedure": "proc procedures px",
        "cpt": "hcpcs cpts cpt4",
        "code": "cd codes",
        "insurance": "ins insurer insurances insurancecompany",
        "payer": "payor payers payors carrier carr payername payorname",
        "company": "co organization",
        "charge": "chg chrg charges charged",
        "bill": "billed billing",
        "paid": "pmt pymt payment payments pd pay",
        "allow": "alwd allowed allowable allowance allw",
        "submit": "submitted submission subm submittal",
        "file": "filed filing",
        "send": "sent transmitted transmission transmit",
        "decision": "decided determination determined",
        "adjudicate": "adjudicated adjudication adj adjud",
        "process": "processed processing",
        "finalize": "final finalized finalised",
        "remit": "remittance era eob ra",
        "post": "posted posting",
        "deny": "denied denial denials denies",
        "reject": "rejected rejection",
        "status": "stat sts state",
        "description": "desc descr text",
        "reason": "rsn reasons rc",
        "remark": "remarks",
        "claim": "clm claims",
        "respond": "response resp responded",
        "primary": "pri prim prime",
        "secondary": "sec",
        "create": "created creation",
        "receive": "received receipt recd",
        "check": "chk cheque eft",
        "begin": "start from first",
        "patient": "pt",
        "member": "mbr",
        "subscriber": "subs",
        "account": "acct acc",
        "birth": "born birthday birthdate",
        "phone": "telephone tel mobile cell fax",
        "address": "addr address1 address2 addr1 addr2",
        "zip": "postal postcode zipcode",
        "email": "mail",
        "name": "names nm",
        "adjustment": "adjustments adjusted",
        "copay": "copayment",
    }.items()
    for word in words.split()
}

# Key: words of the reduced header in any order.
HEADERS: dict[str, dict[str, float]] = {
    "payer": {
        **dict.fromkeys(("payer", "payer name", "primary payer", "primary payer name"), 1.0),
        **dict.fromkeys(("insurance", "insurance name", "insurance company", "primary insurance"), 0.95),
        **dict.fromkeys(("insurance company name", "primary insurance name", "health insurance"), 0.95),
        **dict.fromkeys(
            ("claim payer", "insurance payer", "payer company", "payer description", "bill insurance"), 0.95
        ),
        **dict.fromkeys(("insurance plan", "health plan", "plan name", "payer plan", "insurance plan name"), 0.8),
        **dict.fromkeys(("plan", "payer group", "current payer", "responsible payer", "primary insurance plan"), 0.7),
        **dict.fromkeys(("payer type", "payer class", "financial class", "insurance type", "insurance class"), 0.6),
        **dict.fromkeys(("payer id", "payer code", "insurance code", "payer number"), 0.5),
    },
    "cpt": {
        **dict.fromkeys(("cpt", "cpt code", "procedure code", "cpt cpt", "cpt cpt code"), 1.0),
        **dict.fromkeys(("cpt procedure", "cpt procedure code", "service code", "billing code", "bill code"), 0.9),
        **dict.fromkeys(("procedure", "charge code", "primary cpt", "primary procedure code", "code procedure"), 0.85),
        **dict.fromkeys(("code", "service procedure", "primary procedure", "line cpt"), 0.6),
    },
    "submitted_date": {
        **dict.fromkeys(("submit date", "claim submit date", "claim date submit", "send payer date"), 1.0),
        **dict.fromkeys(("begin bill date", "begin submit date", "submit payer date", "file date claim"), 0.95),
        **dict.fromkeys(("bill date", "file date", "send date", "claim send date", "claim bill date"), 0.9),
        **dict.fromkeys(("submit", "submit insurance date", "bill insurance date", "original submit date"), 0.9),
        **dict.fromkeys(("claim date", "bill submit date", "last submit date", "date claim file"), 0.8),
        **dict.fromkeys(("last bill date", "receive date", "claim receive date", "payer receive date"), 0.7),
        **dict.fromkeys(("claim create date", "create date", "bill", "file", "send"), 0.6),
        **dict.fromkeys(("entry date", "charge entry date", "batch date", "date"), 0.45),
    },
    "decided_date": {
        **dict.fromkeys(("decision date", "adjudicate date", "claim decision date", "claim adjudicate date"), 1.0),
        **dict.fromkeys(("payer decision date", "decision", "adjudicate", "finalize decision date"), 0.95),
        **dict.fromkeys(("process date", "claim process date", "payer process date"), 0.92),
        **dict.fromkeys(("finalize date", "claim finalize date"), 0.88),
        **dict.fromkeys(("remit date", "remit paid date", "remit receive date"), 0.84),
        **dict.fromkeys(("paid date", "insurance paid date", "claim paid date", "payer paid date"), 0.8),
        **dict.fromkeys(("respond date", "payer respond date", "last paid date", "process"), 0.76),
        **dict.fromkeys(("check date", "paid check date", "deny date", "claim deny date"), 0.72),
        **dict.fromkeys(("post date", "paid post date", "remit post date", "paid receive date"), 0.68),
        **dict.fromkeys(("close date", "complete date", "status date", "claim status date", "last status date"), 0.6),
        **dict.fromkeys(("paid", "remit", "resolve date", "resolution date"), 0.45),
    },
    "service_date": {
        **dict.fromkeys(("service date", "service", "date service begin", "service begin", "claim service date"), 1.0),
        **dict.fromkeys(("service date begin", "service line date", "begin service date"), 0.95),
        **dict.fromkeys(("visit date", "encounter date", "appointment date", "procedure date", "begin date"), 0.8),
        **dict.fromkeys(("statement begin date", "admit date", "admission date", "treatment date"), 0.7),
    },
    "outcome": {
        **dict.fromkeys(("outcome", "claim status", "claim outcome", "adjudicate status", "claim decision"), 1.0),
        **dict.fromkeys(("adjudicate outcome", "payer decision", "claim status description"), 0.95),
        **dict.fromkeys(("status", "decision", "disposition", "claim disposition", "adjudicate", "payer status"), 0.9),
        **dict.fromkeys(("finalize status", "current status", "current claim status", "claim result"), 0.85),
        **dict.fromkeys(("deny", "claim deny", "claim paid"), 0.85),
        **dict.fromkeys(("result", "paid status", "status description", "insurance status", "claim status code"), 0.8),
        **dict.fromkeys(("process status", "status code", "claim stage", "resolution", "bill status"), 0.7),
        **dict.fromkeys(("paid", "approved", "stage", "response", "respond"), 0.55),
    },
    "claim_number": {
        **dict.fromkeys(("claim id", "claim number", "claim", "claim control number", "internal control number"), 1.0),
        **dict.fromkeys(("icn", "dcn", "tcn", "payer claim number", "payer claim id", "claim key"), 0.9),
        **dict.fromkeys(("payer claim control number", "claim reference", "invoice number", "clm01"), 0.85),
        **dict.fromkeys(("control number", "patient control number", "pcn", "claim line id"), 0.75),
        **dict.fromkeys(("invoice", "invoice id", "voucher", "voucher number", "ticket number", "bill number"), 0.75),
        **dict.fromkeys(
            ("encounter id", "encounter number", "visit id", "visit number", "bill id", "clearinghouse id"), 0.6
        ),
        **dict.fromkeys(("id", "number"), 0.5),
    },
    "billed_amount": {
        **dict.fromkeys(("bill amount", "charge amount", "total charge", "charge", "total bill", "bill charge"), 1.0),
        **dict.fromkeys(("total charge amount", "claim charge", "claim charge amount", "total bill amount"), 1.0),
        **dict.fromkeys(("claim amount", "submit amount", "submit charge", "total claim amount", "bill"), 0.85),
        **dict.fromkeys(("fee", "gross charge", "line charge", "service charge", "claim total"), 0.7),
        **dict.fromkeys(("amount", "total", "total amount"), 0.45),
    },
    "allowed_amount": {
        **dict.fromkeys(("allow amount", "allow", "total allow", "insurance allow", "payer allow"), 1.0),
        **dict.fromkeys(("contract amount", "contract allow", "approved amount", "eligible amount"), 0.7),
        **dict.fromkeys(("expected amount", "allow charge"), 0.5),
    },
    "paid_amount": {
        **dict.fromkeys(("paid amount", "insurance paid", "payer paid", "total paid", "paid"), 1.0),
        **dict.fromkeys(("insurance paid amount", "payer paid amount", "claim paid amount", "claim paid"), 1.0),
        **dict.fromkeys(("primary paid", "insurance total paid", "net paid", "remit amount", "check amount"), 0.75),
        **dict.fromkeys(("reimbursement", "reimbursement amount", "reimbursed amount"), 0.8),
    },
    "denial_reason": {
        **dict.fromkeys(("deny reason", "deny code", "deny reason code", "carc", "carc code"), 1.0),
        **dict.fromkeys(("claim adjustment reason code", "adjustment reason code", "deny category"), 0.9),
        **dict.fromkeys(("reason code", "adjudicate reason code", "deny description", "deny reason description"), 0.9),
        **dict.fromkeys(("reason", "adjustment reason", "deny remark", "deny note", "adjustment code"), 0.8),
        **dict.fromkeys(("remark code", "reject reason", "remark", "deny message", "status reason"), 0.6),
    },
}

# Words that make a header speak of something else, unless the known header has them too.
_FOREIGN = (
    "secondary tertiary other patient copay coinsurance deductible balance adjustment writeoff provider rendering"
    " referring facility location diagnosis icd modifier mod units unit count due age days group birth appeal"
    " user type class hour time end through thru"
)
FOREIGN_WORDS = frozenset(_FOREIGN.split())

# Headers of patients' data, in reduced words; all of one must be there.
_PEOPLE = "patient member subscriber insured guarantor beneficiary policyholder enrollee dependent guardian spouse"
PERSON_WORDS = frozenset(_PEOPLE.split())
_NOT_THE_PERSON = (
    "responsibility portion balance paid amount copay coinsurance deductible type class status count charge control"
    " due owes liability months claim service procedure cpt encounter visit"
)
# With these words a column speaks of the claim or of money, not of who the person is.
CLAIM_WORDS = frozenset(_NOT_THE_PERSON.split())
PERSONAL_HEADERS = (
    *("ssn", "social security", "dob", "birth", "mrn", "medical record", "chart number", "chart", "address"),
    *("street", "city", "zip", "phone", "email", "e email", "name begin", "name last", "middle name", "full name"),
    *("surname", "policy", "hicn", "mbi", "medicare id", "medicaid id", "insurance id", "insurance number"),
    *("account number", "account id", "account", "group number", "license number", "death", "fname", "lname"),
)

VOCABULARY = frozenset(
    word
    for source in (WORDS, FOREIGN_WORDS, PERSON_WORDS, CLAIM_WORDS, PERSONAL_HEADERS, *HEADERS.values())
    for phrase in source
    for word in phrase.split()
)
