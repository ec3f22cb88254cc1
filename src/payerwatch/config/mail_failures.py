"""What sending a message may fail with."""

import smtplib
import sys


def mail_failures() -> tuple[type[Exception], ...]:
    """Those of SMTP and of the line; and of a service for mail where one is set, whose library has been loaded then.

    Else it is left alone: with all that it brings it takes a fifth of the time in which a command begins.
    """
    services = sys.modules.get("anymail.exceptions")
    return (smtplib.SMTPException, OSError, *((services.AnymailError,) if services else ()))
