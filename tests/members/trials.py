"""What is done to people several times at once, each time on a connection of its own.

A trial gives what each of those at once came to, and what was left.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pyotp
from django.db import connection
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.members.actions import change_role, remove_member, suspend_member
from payerwatch.members.authority import hold_customer
from payerwatch.members.invitations import accept_invitation, invite
from payerwatch.members.keys import issue_key
from payerwatch.members.models import Member, PasswordReset, Person, SecondFactor
from payerwatch.members.password_resets import reset_password
from payerwatch.members.passwords import password_matches
from payerwatch.members.queries import waiting_invitations
from payerwatch.members.second_factor import (
    check_code,
    confirm_second_factor,
    recovery_codes_left,
    start_second_factor,
)
from payerwatch.members.secrets import digest, new_secret
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import PASSWORD, origin, person
from tests.members.places import acting, owners, place

GOOD, OTHER = "seven grey herons wade", "eleven quiet otters swim"
AT_ONCE = 4


def at_once(acts: Sequence[Callable[[], Any]]) -> list[str]:
    """Start all at the same moment; of each the code of its refusal, or what it returned, as text, in order."""
    barrier = threading.Barrier(len(acts))
    came_to: list[str] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            barrier.wait(30)
            came_to.append(str(act()))
        except Refusal as refusal:
            came_to.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(came_to)


def inside(practice: Customer, act: Callable[[], Any]) -> Callable[[], str]:
    def run() -> str:
        with acting_in(practice):
            act()
        return "done"

    return run


def leaving(practice: Customer, leave: Callable[[Member, Actor], Any]) -> list[Any]:
    """Two owners act on each other at once."""
    one, two = place(practice, "owner"), place(practice, "owner")
    came_to = at_once(
        [
            inside(practice, lambda: leave(one, acting("owner", two.person))),
            inside(practice, lambda: leave(two, acting("owner", one.person))),
        ]
    )
    return [came_to, owners(practice)]


def owners_remove_each_other() -> list[Any]:
    return leaving(customer("Removing"), lambda member, actor: remove_member(member, actor=actor))


def owners_suspend_each_other() -> list[Any]:
    return leaving(customer("Suspending"), lambda member, actor: suspend_member(member, actor=actor))


def owners_step_down() -> list[Any]:
    practice = customer("Stepping down")
    one, two = place(practice, "owner"), place(practice, "owner")
    acts = [
        inside(practice, lambda each=each: change_role(each, "viewer", actor=acting("owner", each.person)))
        for each in (one, two)
    ]
    return [at_once(acts), owners(practice)]


def whoever_is_being_removed(act: Callable[[Customer, Actor], Any]) -> list[Any]:
    """An owner whom the door let in acts while another removes them: the action waits for the removal, and sees it."""
    practice = customer(f"Removing {new_secret()}")
    one, two = place(practice, "owner"), place(practice, "owner")
    removing = threading.Event()

    def remove() -> None:
        hold_customer()
        removing.set()
        time.sleep(0.3)
        remove_member(two, actor=acting("owner", one.person))

    def act_after_the_door() -> str:
        removing.wait(30)
        return inside(practice, lambda: act(practice, acting("owner", two.person)))()

    return at_once([inside(practice, remove), act_after_the_door])


def an_owner_being_removed_invites_one() -> list[Any]:
    return whoever_is_being_removed(lambda _, actor: invite("friend@example.com", "owner", actor=actor))


def an_owner_being_removed_issues_a_key() -> list[Any]:
    return whoever_is_being_removed(
        lambda practice, actor: issue_key(practice, name="mine", scopes=["claims.read"], actor=actor)
    )


def an_invitation_is_accepted_twice(email: str = "") -> list[Any]:
    practice = customer("Accepting" + email)
    email = email or "twice@example.com"
    password = PASSWORD if Person.objects.filter(email=email).exists() else GOOD
    with acting_in(practice):
        text = invite(email, "analyst", actor=ACTOR).text
    accept = lambda: accept_invitation(text, name="New", password=password, origin=origin()) and "done"  # noqa: E731
    came_to = at_once([accept] * AT_ONCE)
    with acting_in(practice):
        return [came_to, Member.objects.count(), Person.objects.filter(email=email).count()]


def an_invitation_of_someone_known_is_accepted_twice() -> list[Any]:
    return an_invitation_is_accepted_twice(person().email)[:2]


def an_address_is_invited_twice() -> list[Any]:
    practice = customer("Inviting")
    came_to = at_once([inside(practice, lambda: invite("one@example.com", "viewer", actor=ACTOR))] * AT_ONCE)
    with acting_in(practice):
        return [came_to, waiting_invitations().count()]


def a_link_is_used_twice() -> list[Any]:
    ada = person()
    [link] = links(ada, 1)
    passwords = [f"{GOOD} {number}" for number in range(AT_ONCE)]
    came_to = at_once([lambda each=each: reset_password(link, each, origin=origin()) and "done" for each in passwords])
    return [came_to, sum(_opens(ada, each) for each in passwords)]


def two_links_are_used() -> list[Any]:
    ada = person()
    one, two = links(ada, 2)
    came_to = at_once(
        [
            lambda: reset_password(one, GOOD, origin=origin()) and "done",
            lambda: reset_password(two, OTHER, origin=origin()) and "done",
        ]
    )
    return [came_to, _opens(ada, GOOD) + _opens(ada, OTHER)]


def links(ada: Person, count: int) -> list[str]:
    texts = [new_secret() for _ in range(count)]
    for text in texts:
        PasswordReset.objects.create(person=ada, digest=digest(text), expires_at=timezone.now() + timedelta(hours=1))
    return texts


def _opens(ada: Person, password: str) -> bool:
    return password_matches(password, Person.objects.get(pk=ada.pk).password)


def a_code_is_used_twice() -> list[Any]:
    ada = person()
    secret = start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret
    confirm_second_factor(ada, pyotp.TOTP(secret).now(), actor=ACTOR)
    SecondFactor.objects.update(last_step=0)
    code = pyotp.TOTP(secret).now()
    return [at_once([lambda: check_code(ada, code)] * AT_ONCE)]


def a_recovery_code_is_used_twice() -> list[Any]:
    ada = person()
    secret = start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret
    codes = confirm_second_factor(ada, pyotp.TOTP(secret).now(), actor=ACTOR)
    return [at_once([lambda: check_code(ada, codes[4])] * AT_ONCE), recovery_codes_left(ada)]


def a_second_factor_is_confirmed_twice() -> list[Any]:
    ada = person()
    code = pyotp.TOTP(start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret).now()
    confirm = lambda: confirm_second_factor(ada, code, actor=ACTOR) and "done"  # noqa: E731
    return [at_once([confirm, confirm]), recovery_codes_left(ada)]


TRIALS: tuple[Callable[[], list[Any]], ...] = (
    owners_remove_each_other,
    owners_suspend_each_other,
    owners_step_down,
    an_owner_being_removed_invites_one,
    an_owner_being_removed_issues_a_key,
    an_invitation_is_accepted_twice,
    an_invitation_of_someone_known_is_accepted_twice,
    an_address_is_invited_twice,
    a_link_is_used_twice,
    two_links_are_used,
    a_code_is_used_twice,
    a_recovery_code_is_used_twice,
    a_second_factor_is_confirmed_twice,
)
REST = AT_ONCE - 1
EXPECTED: dict[str, list[Any]] = {
    "owners_remove_each_other": [["done", "role_not_yours"], 1],
    "owners_suspend_each_other": [["done", "role_not_yours"], 1],
    "owners_step_down": [["done", "last_owner"], 1],
    "an_owner_being_removed_invites_one": ["done", "role_not_yours"],
    "an_owner_being_removed_issues_a_key": ["done", "no_longer_yours"],
    "an_invitation_is_accepted_twice": [["done"] + ["invitation_unusable"] * REST, 1, 1],
    "an_invitation_of_someone_known_is_accepted_twice": [["done"] + ["invitation_unusable"] * REST, 1],
    "an_address_is_invited_twice": [["done"] * AT_ONCE, 1],
    "a_link_is_used_twice": [["done"] + ["reset_link_unusable"] * REST, 1],
    "two_links_are_used": [["done", "reset_link_unusable"], 1],
    "a_code_is_used_twice": [["False"] * REST + ["True"]],
    "a_recovery_code_is_used_twice": [["False"] * REST + ["True"], 9],
    "a_second_factor_is_confirmed_twice": [["done", "second_factor_exists"], 10],
}
