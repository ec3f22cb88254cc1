"""What schemathesis needs to know of the installation that it asks: who asks, and ids of things that are there.

It runs in schemathesis's own process. What is made up and well formed is left as it is one time in four.
"""

import hashlib
import json
import os
import re
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import requests
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import negative_data_rejection, response_schema_conformance
from schemathesis.transport.serialization import Binary

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

GIVEN = json.loads(os.environ["PAYERWATCH_FUZZED"])
BASE, PASSWORD, OWNER, SPARE = GIVEN["base"], GIVEN["password"], GIVEN["owner"], GIVEN["spare"]
COUNTS = Path(GIVEN["counts"])
EXAMPLES = tuple(GIVEN["examples"])
# Ends the caller's own session, or changes what it signs in with.
_OF_THE_SESSION = re.compile(r"^/(me|auth)/")
BATCHES, SECRET = "/ingest/claims/", "/ingest/secret/"
SLICES, TUS = "/uploads/resumable/", {"Tus-Resumable": "1.0.0"}
_FRESH_SECONDS, _LASTING_SECONDS = 1.0, 60.0
_MOST_BEGUN = 10
DESCRIPTION = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


class Caller:
    """The owner; for what ends sessions somebody else, signed in anew when a second has passed."""

    def __init__(self) -> None:
        self._tokens: dict[str, dict[str, Any]] = {}
        self._since: dict[str, float] = {}

    def of(self, path: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens(path).get('access', 'none')}"}

    def tokens(self, path: str) -> dict[str, Any]:
        spare = bool(_OF_THE_SESSION.match(path))
        email, lasting = (SPARE, _FRESH_SECONDS) if spare else (OWNER, _LASTING_SECONDS)
        if time.monotonic() - self._since.get(email, -lasting) >= lasting:
            answer = requests.post(f"{BASE}/auth/token/", json=credentials(email), timeout=20)
            self._tokens[email] = answer.json()
            self._since[email] = time.monotonic()
        return self._tokens[email]


def credentials(email: str) -> dict[str, Any]:
    return {"email": email, "password": PASSWORD, "code": "", "customer": GIVEN["customer"]}


class Things:
    """Ids by the collection that lists them; what an operation uses up is made anew."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}
        self._made = Counter[str]()
        self._begun: list[str] = []

    def one(self, collection: str, method: str, owner: dict[str, str], pick: int) -> str | None:
        if collection == SLICES:
            return self.half_sent(owner)
        if (made := self._anew(collection, method, owner)) is not None:
            return made
        if collection not in self._known or _OF_THE_SESSION.match(collection):
            answer = requests.get(f"{BASE}{collection}", headers=owner, timeout=20)
            found = answer.json().get("results", []) if answer.ok else []
            self._known[collection] = [each["id"] for each in found if each.get("email") not in (OWNER, SPARE)]
        known = self._known[collection]
        return known[pick % len(known)] if known else None

    def half_sent(self, owner: dict[str, str]) -> str:
        """A file that waits for slices; a new one where the last is complete or gone."""
        if (known := self._known.get(SLICES)) and self.offset(known[0], owner) is not None:
            return known[0]
        told = {"Upload-Length": "100000", "Upload-Metadata": "filename Y2xhaW1zLmNzdg=="}
        answer = requests.post(f"{BASE}{SLICES}", headers={**owner, **TUS, **told}, timeout=20)
        made = answer.headers.get("Location", GIVEN["nobody"]).rstrip("/").rpartition("/")[2]
        self._known[SLICES] = [made]
        return made

    def begun(self, address: str, owner: dict[str, str]) -> None:
        """Only so many files may be on their way, so of those that were begun here the oldest is given up."""
        self._begun.append(address.rstrip("/").rpartition("/")[2])
        if len(self._begun) > _MOST_BEGUN:
            requests.delete(f"{BASE}{SLICES}{self._begun.pop(0)}/", headers={**owner, **TUS}, timeout=20)

    def offset(self, known: str, owner: dict[str, str]) -> str | None:
        answer = requests.head(f"{BASE}{SLICES}{known}/", headers={**owner, **TUS}, timeout=20)
        return answer.headers["Upload-Offset"] if "Upload-Expires" in answer.headers else None

    def _anew(self, collection: str, method: str, owner: dict[str, str]) -> str | None:
        bodies = {
            "/api-keys/": {"name": "fuzzed", "scopes": ["claims.read"]},
            "/invitations/": {"email": f"fuzzed.{self._made[collection]}@example.com", "role": "viewer"},
        }
        if method == "GET" or collection not in bodies:
            return None
        self._made[collection] += 1
        answer = requests.post(f"{BASE}{collection}", json=bodies[collection], headers=owner, timeout=20)
        return str(answer.json()["id"]) if answer.status_code == 201 else None


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: dict[str, Any]) -> None:
    """Examples of `fields` as long as they may be, and one less: the tool would spend a minute to find them."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for each in operation.get("parameters", []):
                if each["name"] == "fields":
                    known = each["schema"]["pattern"].partition("(")[2].partition(")")[0].split("|")
                    longest = each["schema"]["maxLength"]
                    values = [each.pop("example"), *_names(known, longest), *_names(known, longest - 1)]
                    each["examples"] = {str(len(value)): {"value": value} for value in values}


def _names(known: list[str], length: int) -> list[str]:
    """A text of exactly this length, if some of these names and enough ids have it with their commas."""
    ends = [*known, *(f"{one},{other}" for one in known for other in known)]
    fitting = (end for end in ends if (length - len(end)) % len("id,") == 0)
    return ["id," * ((length - len(end)) // len("id,")) + end for end in fitting][:1]


caller, things = Caller(), Things()
answered: dict[str, Counter[str]] = defaultdict(Counter)


@schemathesis.auth(refresh_interval=None)
class SignedIn:
    def get(self, case: Any, _context: Any) -> dict[str, str]:
        return caller.of(case.operation.path)

    def set(self, case: Any, data: dict[str, str], _context: Any) -> None:
        case.headers = {**(case.headers or {}), **data}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Real ids for well-formed ones that were made up; and nothing that would lock everybody out."""
    operation, sent = case.operation, case.path_parameters or {}
    made_up = str(sent.get("id", ""))
    if made_up and _is_positive(case) and (made_up.endswith(EXAMPLES) or _of_hash(made_up) % 4):
        collection, owner = operation.path.partition("{")[0], caller.of(operation.path)
        real = things.one(collection, operation.method.upper(), owner, _of_hash(made_up))
        if real is not None:
            sent["id"] = real
    if sent.get("id") in GIVEN["kept"] or (operation.path.endswith("/undo/") and sent.get("id") in GIVEN["uploads"]):
        sent["id"] = GIVEN["nobody"]
    if operation.path.startswith(SLICES) and _is_positive(case):
        _speak_of_slices(case)
    if operation.path == BATCHES and _is_positive(case):
        _name_once(case)
    if isinstance(case.body, dict) and case.body.get("second_factor_required") is True:
        case.body["second_factor_required"] = False
    if isinstance(case.body, dict) and _is_positive(case):
        case.body.update(_working(operation.path))
    if operation.path == "/claims/" and case.query and _is_positive(case) and "upload" in case.query:
        case.query["upload"] = GIVEN["upload"]
    if case.query and _is_positive(case):
        case.query.pop("cursor", None)


def _speak_of_slices(case: Any) -> None:
    """Where the next slice begins, and what the file is called: well formed alone these could never work."""
    headers, owner = case.headers or {}, caller.of(case.operation.path)
    if "Upload-Offset" in headers:
        headers["Upload-Offset"] = things.offset(str(case.path_parameters["id"]), owner) or "0"
    if "Upload-Metadata" in headers:
        headers["Upload-Metadata"] = "filename Y2xhaW1zLmNzdg=="


def _name_once(case: Any) -> None:
    """A batch has one name; and none is signed, as what is made up could never be."""
    if "Idempotency-Key" in (case.headers or {}):
        case.headers.pop("webhook-id", None)
    requests.delete(f"{BASE}{SECRET}", headers=caller.of(SECRET), timeout=20)


def _working(path: str) -> dict[str, Any]:
    """What of a body is replaced, since what is made up could never work."""
    tokens = caller.tokens(path)
    return {
        "/me/password/": {"current": PASSWORD, "new": PASSWORD},
        "/me/second-factor/": {"password": PASSWORD},
        "/me/customer/": {"customer": GIVEN["customer"]},
        "/auth/token/": credentials(SPARE),
        SECRET: {"overlap_hours": 0},
        "/auth/token/refresh/": {"refresh": tokens.get("refresh", "none")},
        "/auth/token/verify/": {"token": tokens.get("access", "none")},
    }.get(path, {})


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count answers to well-formed requests by the phase they were made in."""
    if response.status_code == 201 and case.operation.path == SLICES:
        things.begun(response.headers["location"][0], caller.of(SLICES))
    if _is_positive(case):
        phase = case.meta.phase.name.value if case.meta else "unknown"
        answered[phase][f"{case.operation.method.upper()} {case.operation.path} {response.status_code}"] += 1
        COUNTS.write_text(json.dumps(answered))


def _is_positive(case: Any) -> bool:
    return bool(case.meta and case.meta.generation.mode.value == "positive")


def _of_hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


# What only a request's form can be refused for: whoever keeps to the description is never told it.
OF_THE_FORM = frozenset({"body_unreadable", "invalid", "page_size_unusable", "unknown_parameter"})

# Which characters can be printed is a question of each version of Unicode, that no pattern says.
UNPRINTABLE = {"/mapping"}


@schemathesis.check
def what_is_described_is_answered(context: Any, response: Any, case: Any) -> None:
    """The tool's own check; where `fields` were asked for, of those that are there."""
    wanted = str((case.query or {}).get("fields", "")) if response.status_code == 200 else ""
    if not wanted or not response.content:
        response_schema_conformance(context, response, case)
        return
    document = response.json()
    for each in document.get("results", [document]):
        assert set(each) <= {"id", *wanted.split(",")}, f"more than {wanted}: {sorted(each)}"


@schemathesis.check
def what_is_malformed_is_refused(context: Any, response: Any, case: Any) -> None:
    """The tool's own check, but for what any reader of HTTP must pass over: tags that are none, unknown fields; and
    for bodies that are not as malformed as it says."""
    about = str(getattr(case.meta.phase.data, "parameter", "")).lower() if case.meta else ""
    unknown = "x-schemathesis-unknown-property" in {each.lower() for each in case.headers or ()}
    if about != "if-none-match" and not unknown and not _is_as_described(case):
        negative_data_rejection(context, response, case)


def _is_as_described(case: Any) -> bool:
    """Whether the body that was made to differ does not: of a file the tool says that it is too long and sends a small
    one, and to a text it adds letters that its pattern has room for."""
    mutations = case.meta.phase.data.mutations if case.meta else ()
    of_the_body = bool(mutations) and all(each.parameter_location.value == "body" for each in mutations)
    if not of_the_body or not isinstance(case.body, dict):
        return False
    asked = DESCRIPTION["paths"][case.operation.path][case.operation.method.lower()]["requestBody"]["content"]
    schema = {**asked[case.media_type]["schema"], "components": DESCRIPTION["components"]}
    sent = {name: _as_described(each) for name, each in case.body.items()}
    return bool(Draft202012Validator(schema).is_valid(sent))


def _as_described(value: Any) -> Any:
    """A file as text that is as long, which is what a schema of format `binary` measures."""
    content = value.data if isinstance(value, Binary) else value
    return "x" * len(content) if isinstance(content, bytes) else content


@schemathesis.check
def what_is_described_is_accepted(_context: Any, response: Any, case: Any) -> None:
    """In place of the tool's own check, which takes each 400 for a mistake of the description: that a link was used
    or a reason is missing, no schema can say."""
    if _is_positive(case) and response.status_code >= 400 and response.content:
        refusal = response.json()
        about = {each.get("pointer") for each in refusal.get("errors", ())}
        assert refusal["code"] not in OF_THE_FORM or about == UNPRINTABLE, response.text[:400]
