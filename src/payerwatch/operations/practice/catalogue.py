"""What the invented practice is made of: payers, CPT groups with codes and prices, reasons for denial.

The payers' names are real so that the sample reads like an export; shares, speeds and rates are invented.
Prices are the practice's charges in whole US cents.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PayerProfile:
    """One payer as the practice meets it; days are medians from submission to first decision."""

    name: str
    share: float
    denial_rate: float
    paid_days: float
    denied_days: float
    allowed_rate: float
    coded_reason_rate: float
    floor_days: int = 1
    favourite_denial: str = "missing_info"


@dataclass(frozen=True)
class Charge:
    """A procedure code, its charge per unit in cents and how often it is billed within its group."""

    code: str
    unit_amount: int
    weight: float


@dataclass(frozen=True)
class GroupProfile:
    """One CPT group: key as the product prints it, share of claims, departure of its denial rate (logits)."""

    key: str
    share: float
    denial_logit: float
    charges: tuple[Charge, ...]
    most_units: int = 1


@dataclass(frozen=True)
class Reason:
    """A denial reason as a payer writes it, and the category the product should read from it."""

    text: str
    category: str
    is_coded: bool


PAYERS: tuple[PayerProfile, ...] = (
    PayerProfile("Medicare", 24, 0.07, 17, 16, 0.42, 1.0, floor_days=14, favourite_denial="medical_necessity"),
    PayerProfile("UnitedHealthcare", 18, 0.13, 16, 26, 0.55, 0.9, favourite_denial="authorization"),
    PayerProfile("Blue Cross Blue Shield", 15, 0.10, 13, 22, 0.58, 0.8, favourite_denial="coding_bundling"),
    PayerProfile("Aetna", 11, 0.11, 20, 13, 0.54, 0.3, favourite_denial="authorization"),
    PayerProfile("Medicaid", 9, 0.15, 25, 30, 0.33, 1.0, favourite_denial="eligibility"),
    PayerProfile("Cigna", 8, 0.11, 14, 10, 0.56, 0.5, favourite_denial="coding_bundling"),
    PayerProfile("Humana", 6, 0.12, 16, 24, 0.47, 0.9, favourite_denial="medical_necessity"),
    PayerProfile("Tricare", 3, 0.09, 19, 27, 0.44, 1.0, favourite_denial="cob_other_payer"),
    PayerProfile("Kaiser Permanente", 2.5, 0.10, 17, 12, 0.52, 0.2, favourite_denial="provider_network"),
    PayerProfile("Molina Healthcare", 1.5, 0.16, 27, 34, 0.35, 0.7, favourite_denial="eligibility"),
    PayerProfile("Ambetter", 1.2, 0.17, 23, 15, 0.46, 0.6, favourite_denial="provider_network"),
    PayerProfile("Oscar Health", 0.8, 0.14, 18, 25, 0.50, 0.1, favourite_denial="missing_info"),
)

GROUPS: tuple[GroupProfile, ...] = (
    GroupProfile(
        "office_visits",
        34,
        -0.40,
        (
            Charge("99213", 16500, 9),
            Charge("99214", 24000, 8),
            Charge("99203", 21500, 3),
            Charge("99204", 31500, 2),
            Charge("99212", 10500, 1.5),
            Charge("99215", 33500, 1),
        ),
    ),
    GroupProfile(
        "physical_therapy",
        15,
        0.25,
        (
            Charge("97110", 7800, 9),
            Charge("97140", 7200, 6),
            Charge("97530", 8600, 4),
            Charge("97112", 8100, 3),
            Charge("97161", 18500, 1),
        ),
        most_units=4,
    ),
    GroupProfile(
        "laboratory",
        14,
        -0.30,
        (
            Charge("80053", 4600, 6),
            Charge("85025", 3400, 6),
            Charge("80061", 5900, 4),
            Charge("83036", 4200, 3),
            Charge("84443", 7300, 3),
            Charge("81003", 1500, 2),
        ),
    ),
    GroupProfile(
        "imaging",
        10,
        -0.10,
        (
            Charge("71046", 11500, 4),
            Charge("73030", 10800, 3),
            Charge("73562", 12400, 3),
            Charge("72100", 13900, 2),
            Charge("76700", 36000, 1),
        ),
    ),
    GroupProfile(
        "imaging_advanced",
        7,
        0.55,
        (
            Charge("72148", 118000, 4),
            Charge("73721", 124000, 3),
            Charge("70551", 131000, 2),
            Charge("74177", 142500, 3),
            Charge("71260", 99000, 1),
        ),
    ),
    GroupProfile(
        "behavioral_health",
        6,
        0.35,
        (
            Charge("90834", 16000, 5),
            Charge("90837", 22500, 5),
            Charge("90791", 29500, 1),
        ),
    ),
    GroupProfile(
        "surgery_skin",
        5,
        0.05,
        (
            Charge("17110", 18500, 4),
            Charge("17000", 14500, 3),
            Charge("11102", 22500, 3),
            Charge("10060", 26500, 1),
        ),
    ),
    GroupProfile(
        "heart_lung_tests",
        4,
        0.10,
        (
            Charge("93000", 6500, 5),
            Charge("93306", 89000, 3),
            Charge("93015", 42000, 1),
        ),
    ),
    GroupProfile(
        "drugs_injected",
        3,
        0.45,
        (
            Charge("J3301", 2400, 4),
            Charge("J1885", 1900, 3),
            Charge("J0696", 2800, 2),
            Charge("J1100", 1100, 1),
        ),
        most_units=4,
    ),
    GroupProfile(
        "surgery_digestive",
        2,
        0.20,
        (
            Charge("45378", 148000, 2),
            Charge("45380", 171000, 3),
            Charge("43239", 139000, 2),
        ),
    ),
)

REASONS: tuple[Reason, ...] = (
    Reason("CO-197", "authorization", True),
    Reason("CO-198", "authorization", True),
    Reason("Prior auth missing", "authorization", False),
    Reason("No authorization on file", "authorization", False),
    Reason("CO-50", "medical_necessity", True),
    Reason("Not medically necessary", "medical_necessity", False),
    Reason("CO-97", "coding_bundling", True),
    Reason("CO-4", "coding_bundling", True),
    Reason("Bundled with another service", "coding_bundling", False),
    Reason("PR-27", "eligibility", True),
    Reason("CO-31", "eligibility", True),
    Reason("Patient not eligible", "eligibility", False),
    Reason("CO-16", "missing_info", True),
    Reason("CO-252", "missing_info", True),
    Reason("Missing information", "missing_info", False),
    Reason("CO-29", "timely_filing", True),
    Reason("Timely filing", "timely_filing", False),
    Reason("CO-22", "cob_other_payer", True),
    Reason("Coordination of benefits", "cob_other_payer", False),
    Reason("PR-204", "noncovered_limit", True),
    Reason("Service not covered", "noncovered_limit", False),
    Reason("CO-242", "provider_network", True),
    Reason("Provider out of network", "provider_network", False),
    Reason("CO-18", "duplicate", True),
    Reason("Duplicate claim", "duplicate", False),
)

USUAL_DENIALS: dict[str, float] = {
    "authorization": 0.15,
    "medical_necessity": 0.12,
    "coding_bundling": 0.16,
    "eligibility": 0.14,
    "missing_info": 0.19,
    "timely_filing": 0.05,
    "cob_other_payer": 0.08,
    "noncovered_limit": 0.06,
    "provider_network": 0.03,
    "duplicate": 0.02,
}

FAVOURITE_DENIAL_WEIGHT = 0.25
