"""What an operation is called and said to do: from docstrings, and from who may, how often, and what is recorded."""

import re
import sys
from inspect import cleandoc
from typing import Any

from django.conf import settings

from payerwatch.members.door import Admits
from payerwatch.members.roles import Permission
from payerwatch.throttling.policies import policy
from payerwatch.web.api.for_people import ForPeople
from payerwatch.web.api.resource import Listed, Resource, Shown

_OF_THE_MODULE = re.compile(r"^`[^`]*`: ")


def summary(view: type[Resource], action: str) -> str:
    """A line without a full stop."""
    if action == "retrieve" and _is_shared(view, action):
        return f"One {view.thing.replace('_', ' ')}"
    return _sentences(_doc(view, action))[0]


def description(view: type[Resource], action: str) -> str:
    """What it does in full; then who may, how often, and whether it is recorded."""
    sentences = _sentences(_doc(view, action))
    says = ". ".join(sentences) + "."
    rest = [who_may(view, action), how_often(view)]
    if view.reading_is_recorded:
        rest.append("Each look leaves an entry in the customer's trail.")
    return "\n\n".join([says, " ".join(rest)])


def about(view: type[Resource]) -> str:
    """What is at the place where the view is: the words of its module."""
    return _sentence_case(_OF_THE_MODULE.sub("", cleandoc(sys.modules[view.__module__].__doc__ or "")))


def permission(view: type[Resource], action: str) -> str:
    """The permission, or who may where it takes none, in a word for programs."""
    needed: Any = view.may.get(action)
    if isinstance(needed, Permission):
        return str(needed)
    if needed is Admits.ANYONE:
        return "anyone"
    return "people" if issubclass(view, ForPeople) else "signed_in"


def who_may(view: type[Resource], action: str) -> str:
    named = {
        "anyone": "Open to anyone.",
        "people": "For a person who is signed in; a key has no account.",
        "signed_in": "For whoever is signed in, in a customer or not.",
    }
    needed = permission(view, action)
    said = named.get(needed, f"Needs the permission `{needed}`.")
    return f"{said} A key needs `{view.keys_need}`." if view.keys_need else said


def throttle(view: type[Resource]) -> dict[str, Any]:
    """The policy that counts it, and its rate here. Empty where nothing counts."""
    if view.throttle is None:
        return {}
    rate = policy(view.throttle)
    return {"policy": view.throttle, "limit": rate.limit, "seconds": rate.seconds}


def how_often(view: type[Resource]) -> str:
    counted = throttle(view)
    if not counted:
        return "Never throttled."
    anonymous = policy("anonymous")
    said = f"At most {counted['limit']} requests in {counted['seconds']} seconds (`{counted['policy']}`)"
    return f"{said}; without a credential {anonymous.limit} in {anonymous.seconds} seconds."


def cookie_names() -> tuple[str, str]:
    """Of the token against forged requests: the cookie, and the header that repeats it."""
    return settings.CSRF_COOKIE_NAME, "X-CSRFToken"


def _doc(view: type[Resource], action: str) -> str:
    """The action's own words; of an action that all share, those of the class or its file."""
    if not _is_shared(view, action) and (own := getattr(view, action).__doc__):
        return cleandoc(own)
    if own := view.__dict__.get("__doc__"):
        return cleandoc(own)
    return about(view)


def _is_shared(view: type[Resource], action: str) -> bool:
    return getattr(view, action) in (getattr(Listed, action, None), getattr(Shown, action, None))


def _sentences(text: str) -> list[str]:
    """Without full stops and line breaks; what is told to callers in code, after `Raises`, is left out."""
    words = re.sub(r"\s+", " ", text).strip()
    return [
        _sentence_case(each.rstrip(".")) for each in re.split(r"(?<=\.)\s+", words) if not each.startswith("Raises ")
    ]


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
