"""People over HTTP, on the real server: second factor, new passwords, invitations, and an operator's visit."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import (
    PASSWORD,
    UNHINDERED,
    Browser,
    Served,
    add_member,
    bearer,
    given_password,
    links_mailed,
    serving,
    tokens_of,
    wait_for_link,
)

pytestmark = [pytest.mark.database, pytest.mark.once]

OWNER, OPERATOR = "owner@example.com", "operator@example.com"
ME, FACTOR = "/api/v1/me/", "/api/v1/me/second-factor/"
STEP, TYPED_WITHIN = 30, 8  # seconds
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with copy_of(migrated, tmp_path_factory.mktemp("people")) as installation:
        add_member(installation, OWNER)
        given_password(installation, "create_operator", "--email", OPERATOR, "--name", "Olga Operator")
        with serving(installation, **UNHINDERED) as running:
            yield running


@pytest.fixture
def owner(served: Served) -> Browser:
    browser = Browser(served)
    assert browser.sign_in(OWNER).status == 200
    return browser


def entries(served: Served, table: str = "audit_entry") -> list[dict[str, Any]]:
    """The record, oldest first: the customers', or the installation's."""
    return served.installation.everything()[table]


def invited(owner: Browser, email: str, role: str = "analyst") -> str:
    """The text of the link that was mailed."""
    known = len(links_mailed(owner.served.installation, "auth/invitation"))
    assert owner.ask("POST", "/api/v1/invitations/", {"email": email, "role": role}).status == 201
    return wait_for_link(owner.served.installation, "auth/invitation", known=known)


def newcomer(owner: Browser, role: str = "analyst") -> str:
    """The address of a new member with the usual password."""
    email = f"new.{next(_NUMBERS)}@example.com"
    body = {"token": invited(owner, email, role), "name": "Nia New", "password": PASSWORD}
    accepted = owner.served.ask("POST", "/api/v1/auth/invitation/", body)
    assert (accepted.status, accepted.document["role"]) == (201, role)
    return email


# A second factor


class Authenticator:
    """Shows a code that was not shown before, as a patient person would."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._steps = itertools.count(-1)

    def code(self) -> str:
        """Codes of the step before, of now and of the next are taken, each once.

        Shortly before a step ends its end is waited for: what is typed then would arrive in the next, in which that
        of the step before is none any more.
        """
        left = STEP - time.time() % STEP
        if left < TYPED_WITHIN:
            time.sleep(left + 0.1)
        return self._totp.at(datetime.now(UTC) + timedelta(seconds=STEP * next(self._steps)))


def test_a_customer_that_asks_for_a_second_factor_confines_who_has_none(served: Served, owner: Browser):
    email = newcomer(owner)
    person = Browser(served)
    assert person.sign_in(email).status == 200
    assert person.ask("GET", "/api/v1/claims/").status == 200
    assert owner.ask("PATCH", "/api/v1/settings/", {"second_factor_required": True}, {"If-Match": "*"}).status == 200
    try:
        codes, authenticator = set_up(person)
        signs_in_with_codes(served, email, codes, authenticator)
    finally:
        recover(owner)


def set_up(person: Browser) -> tuple[list[str], Authenticator]:
    """The recovery codes and the authenticator of one who may do nothing else until then."""
    for path in ("/api/v1/claims/", "/api/v1/uploads/", "/api/v1/drift-events/", "/api/v1/settings/"):
        assert person.ask("GET", path).code == "second_factor_required"
    me = person.ask("GET", ME).document
    assert (me["second_factor_needed"], me["role"]) == (True, "analyst")
    started = person.ask("POST", FACTOR, {"password": PASSWORD})
    assert started.document["uri"].startswith("otpauth://totp/")
    authenticator = Authenticator(started.document["secret"])
    assert person.ask("POST", f"{FACTOR}confirm/", {"code": "000000"}).code == "code_wrong"
    confirmed = person.ask("POST", f"{FACTOR}confirm/", {"code": authenticator.code()})
    assert len(set(confirmed.document["recovery_codes"])) == 10
    # A session opened without a code stays confined.
    assert person.ask("GET", "/api/v1/claims/").status in (401, 403)
    return confirmed.document["recovery_codes"], authenticator


def signs_in_with_codes(served: Served, email: str, codes: list[str], authenticator: Authenticator) -> None:
    own = Browser(served)
    assert own.sign_in(email).code == "second_factor_needed"
    assert own.ask("GET", ME).code == "caller_not_known"
    code = authenticator.code()
    assert own.sign_in(email, code=code).status == 200
    assert own.ask("GET", "/api/v1/claims/").status == 200
    assert Browser(served).sign_in(email, code=code).code == "sign_in_refused"
    recovered = Browser(served)
    assert recovered.sign_in(email, code=codes[0]).status == 200
    assert recovered.ask("GET", FACTOR).document == {"enabled": True, "recovery_codes_left": 9}
    assert Browser(served).sign_in(email, code=codes[0]).code == "sign_in_refused"
    assert Browser(served).sign_in(email, "wrong wrong wrong", code=codes[1]).code == "sign_in_refused"


def recover(owner: Browser) -> None:
    """The owner, who is confined as well, sets one up and then asks for it no longer."""
    started = owner.ask("POST", FACTOR, {"password": PASSWORD}).document
    authenticator = Authenticator(started["secret"])
    assert owner.ask("POST", f"{FACTOR}confirm/", {"code": authenticator.code()}).status == 200
    again = Browser(owner.served)
    assert again.sign_in(OWNER, code=authenticator.code()).status == 200
    assert again.ask("PATCH", "/api/v1/settings/", {"second_factor_required": False}, {"If-Match": "*"}).status == 200
    body = {"password": PASSWORD, "code": authenticator.code()}
    assert owner.ask("DELETE", FACTOR, body).status == 204


# A new password by mail


def test_a_password_is_chosen_anew_by_a_mailed_link_once_and_every_session_ends(served: Served, owner: Browser):
    email = newcomer(owner)
    browser = Browser(served)
    assert browser.sign_in(email).status == 200
    program = tokens_of(served, email)
    known = len(links_mailed(served.installation, "auth/password-reset/confirm"))
    assert served.ask("POST", "/api/v1/auth/password-reset/", {"email": email}).status == 202
    body = {
        "token": wait_for_link(served.installation, "auth/password-reset/confirm", known=known),
        "password": "pears over ten bridges",
    }
    confirm = "/api/v1/auth/password-reset/confirm/"
    assert served.ask("POST", confirm, body | {"password": "short"}).code == "password_unusable"
    assert served.ask("POST", confirm, body).status == 204
    assert served.ask("POST", confirm, body).code == "reset_link_unusable"
    assert browser.ask("GET", ME).code == "caller_not_known"
    assert served.ask("GET", ME, None, bearer(program["access"])).code == "caller_not_known"
    refreshed = served.ask("POST", "/api/v1/auth/token/refresh/", {"refresh": program["refresh"]})
    assert refreshed.code == "credential_refused"
    assert Browser(served).sign_in(email).code == "sign_in_refused"
    assert Browser(served).sign_in(email, body["password"]).status == 200


# Invitations and roles


def test_an_invitation_is_mailed_accepted_works_and_ends_with_the_membership(served: Served, owner: Browser):
    email = "guest@example.com"
    text = invited(owner, email, "viewer")
    accept = {"token": text, "name": "Gil Guest", "password": PASSWORD}
    wrong = served.ask("POST", "/api/v1/auth/invitation/", accept | {"token": text[:-1] + "~"})
    assert wrong.code == "invitation_unusable"
    member = served.ask("POST", "/api/v1/auth/invitation/", accept).document
    assert member["role"] == "viewer"
    assert served.ask("POST", "/api/v1/auth/invitation/", accept).status in (400, 401, 403)
    tokens = tokens_of(served, email)
    headers = bearer(tokens["access"])
    assert served.ask("GET", "/api/v1/claims/", None, headers).status == 200
    assert served.ask("GET", "/api/v1/members/", None, headers).code == "not_permitted"
    place = f"/api/v1/members/{member['id']}/"
    assert owner.ask("PATCH", place, {"role": "admin"}).status == 200
    assert served.ask("GET", "/api/v1/members/", None, headers).status == 200
    assert owner.ask("DELETE", place).status == 204
    assert served.ask("GET", "/api/v1/claims/", None, headers).code == "caller_not_known"
    gone = served.ask("POST", "/api/v1/auth/token/refresh/", {"refresh": tokens["refresh"]})
    assert gone.status == 401 or served.ask("GET", ME, None, bearer(gone.document["access"])).status == 401
    verbs = [entry["verb"] for entry in entries(served) if entry["thing_kind"] in {"invitation", "member"}]
    assert [verb for verb in verbs if verb in {"change_role", "remove"}] == ["change_role", "remove"]


# An operator


def test_an_operator_enters_with_a_reason_that_both_records_keep(served: Served, owner: Browser):
    operator = Browser(served)
    signed_in = operator.sign_in(OPERATOR)
    assert (signed_in.status, signed_in.document["customer"]) == (200, None)
    assert operator.ask("GET", "/api/v1/claims/").code == "no_customer_chosen"
    (customer,) = operator.ask("GET", "/api/v1/customers/").document["results"]
    assert customer["name"] == "Practice"
    reason = "asked to look at a refused load"
    enter = "/api/v1/me/customer/"
    assert operator.ask("POST", enter, {"customer": customer["id"]}).code == "reason_missing"
    request = {"X-Request-ID": "operator-enters-1"}
    assert operator.ask("POST", enter, {"customer": customer["id"], "reason": reason}, request).status == 200
    assert operator.ask("GET", "/api/v1/claims/").status == 200
    members = operator.ask("GET", "/api/v1/members/").document["results"]
    assert OWNER in {each["email"] for each in members}
    assert operator.ask("DELETE", enter).status == 200
    assert operator.ask("GET", "/api/v1/claims/").code == "no_customer_chosen"
    assert_visit_is_on_record(served, owner, reason, signed_in.document["person"]["id"])


def assert_visit_is_on_record(served: Served, owner: Browser, reason: str, operator: str) -> None:
    of_installation = [entry for entry in entries(served, "audit_installationentry") if entry["actor_id"] == operator]
    refused = [entry for entry in of_installation if entry["outcome"] == "refused"]
    assert {entry["verb"] for entry in refused} == {"read"}  # claims, before entering and after leaving
    of_installation = [entry for entry in of_installation if entry["outcome"] == "done"]
    assert [entry["verb"] for entry in of_installation] == ["sign_in", "read", "enter", "leave"]
    assert json.loads(of_installation[2]["detail"])["after"]["reason"] == reason
    shown = owner.ask("GET", f"/api/v1/audit-entries/?actor={operator}").document["results"]
    assert [entry["verb"] for entry in shown] == ["leave", "read", "enter"]
    assert shown[-1]["detail"]["after"]["reason"] == reason
    assert shown[-1]["request_id"] == "operator-enters-1"
    assert {entry["actor_name"] for entry in shown} == {"Olga Operator"}
    assert {entry["address"] for entry in shown} == {"127.0.0.1"}


def test_everything_that_was_done_is_one_valid_record(served: Served):
    verified: Installation = served.installation
    done = verified.run("verify_audit", "--json")
    assert done.code == 0, done
    assert all(chain["problems"] == [] for chain in done.document["chains"])


def test_no_line_of_the_log_holds_what_people_typed_or_were_sent(served: Served):
    links = links_mailed(served.installation, "auth/invitation") + links_mailed(
        served.installation, "auth/password-reset/confirm"
    )
    assert len(links) >= 2
    said = served.log.read_text()
    for secret in (
        PASSWORD,
        "@example.com",
        "asked to look",
        "Olga",
        *links,
        *(link.rpartition(".")[2] for link in links),
    ):
        assert secret not in said
    assert {line["route"] for line in served.lines() if "route" in line} >= {"api/v1/claims/", "api/v1/auth/sign-in/"}
