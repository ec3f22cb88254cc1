"""What is refused because of the request itself, whatever it asks for: by the framework, by the server, or by us."""

from collections.abc import Iterable

from payerwatch.refusals import Kind, Refusal


class BadRequest(Refusal):
    """The host, the path or a header cannot be."""

    def __init__(self) -> None:
        super().__init__("The request cannot be understood.", fix="Check the host, the address and the headers.")


class BodyUnreadable(Refusal):
    """The body cannot be read as what it is said to be."""

    def __init__(self) -> None:
        super().__init__(
            "The body cannot be read as what it is said to be.",
            fix="Send one JSON document in UTF-8, or a form where files are sent.",
        )


class BodyNotRead(Refusal):
    """A body was sent to what reads none."""

    def __init__(self) -> None:
        super().__init__("Nothing is read from a body here.", fix="Send none: what it asks for would not be done.")


class Invalid(Refusal):
    """Some of what was sent cannot be used; `errors` says what."""

    def __init__(self) -> None:
        super().__init__("Some of what was sent cannot be used.", fix="Correct what `errors` points at.")


class NotAllowed(Refusal):
    """This is not allowed."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("This is not allowed.", fix="Ask an owner or admin of the customer.")


class MethodNotAllowed(Refusal):
    """This method does nothing at this address."""

    def __init__(self) -> None:
        super().__init__("This cannot be done here with this method.", fix="The header `Allow` lists those that can.")


class NotAcceptable(Refusal):
    """Answers come in no form that the request accepts."""

    def __init__(self, given: Iterable[str] = ("application/json",)) -> None:
        forms = " or ".join(given)
        super().__init__(f"The answer can only be {forms}.", fix=f"Send `Accept: {forms}`, or no `Accept` at all.")


class UnsupportedMediaType(Refusal):
    """The body is of a kind that is not read here."""

    def __init__(self, known: Iterable[str] = ("application/json",)) -> None:
        super().__init__("A body of this kind is not read here.", fix=f"Send it as {' or '.join(known)}.")


class UriTooLong(Refusal):
    """The address is longer than any that is read."""

    def __init__(self) -> None:
        super().__init__("The address is too long.", fix="Ask for less at once.")


class HeadersTooLarge(Refusal):
    """The headers are more, or longer, than any that are read."""

    def __init__(self) -> None:
        super().__init__("The headers are too large.", fix="Send fewer or shorter headers and cookies.")


class ExpectationFailed(Refusal):
    """The header `Expect` asks for what is not done here."""

    def __init__(self) -> None:
        super().__init__("What `Expect` asks for cannot be done.", fix="Send only `100-continue` there, or nothing.")


class TransferCodingUnknown(Refusal):
    """The body is sent in a coding that is not read here."""

    def __init__(self) -> None:
        super().__init__("This transfer coding is not read here.", fix="Send the body as it is, with its length.")


class Overloaded(Refusal):
    """More is asked for than can be answered in time."""

    kind = Kind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "More is asked for than can be answered in time. Nothing was changed.",
            fix="Try again in a moment, and ask for less at once.",
        )


class IdempotencyKeyUnusable(Refusal):
    """The header `Idempotency-Key` is empty, too long, or holds what cannot be printed."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key cannot be used.", fix="Send 1 to 255 printable ASCII characters, such as a UUID."
        )


class IdempotencyKeyNotTaken(Refusal):
    """No answer is kept for this request, so an `Idempotency-Key` would promise what is not kept."""

    def __init__(self) -> None:
        super().__init__(
            "This request takes no Idempotency-Key.",
            fix="Send it without the header. A POST takes one from who acts in a customer, but for signing in and "
            "moving between customers.",
        )


class PreconditionRequired(Refusal):
    """This is changed only by who says which state of it they have read."""

    def __init__(self) -> None:
        super().__init__(
            "Say in If-Match which state of this you have read.", fix="Read it, and send its ETag in If-Match."
        )


class PreconditionFailed(Refusal):
    """What is to be changed is no longer, or never was, as `If-Match` says."""

    def __init__(self) -> None:
        super().__init__(
            "This is not in the state that If-Match names: somebody has changed it, or the ETag is not one of its.",
            fix="Read it again, decide anew, and send the new ETag as it stands, with its quotes.",
        )
