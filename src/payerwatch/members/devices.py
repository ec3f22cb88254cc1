"""Known devices: a cookie that says this browser signed in as this person before (OWASP, device cookies).

It lets nobody in. It gives the browser its own count of attempts, so that who guesses elsewhere at a person's
password cannot keep the person out here.
"""

from datetime import timedelta

from django.utils import timezone

from payerwatch.members.models import Person
from payerwatch.members.secrets import CredentialRefused, new_secret
from payerwatch.members.signing import Purpose, sign, verify

DEVICE_LIFETIME = timedelta(days=180)


def device_cookie(person: Person, cookie: str) -> str:
    """The cookie to set after a sign-in; a browser that the person is known by keeps its identity."""
    identity = known_device(cookie, person.public_id) or new_secret()
    return sign(Purpose.DEVICE, timezone.now() + DEVICE_LIFETIME, sub=person.public_id, jti=identity)


def known_device(cookie: str, person_id: str) -> str:
    """The device's identity if the cookie is this person's, else empty."""
    try:
        claims = verify(Purpose.DEVICE, cookie, "sub", "jti")
    except CredentialRefused:
        return ""
    return str(claims["jti"]) if claims["sub"] == person_id else ""
