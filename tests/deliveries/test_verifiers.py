"""The verifiers that receivers are given accept what is signed here and refuse everything else."""

from base64 import b64encode

import pytest

from payerwatch.deliveries.signing import SIGNATURE, TOLERANCE_SECONDS, new_secret, signed
from tests.deliveries.verifiers import Message, Verifier, python, shell, typescript

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

NOW = 1_750_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw9u3Zqz4xVYk="
ID = "msg_2KWPBgLlAfxdp"
BODY = '{"type":"a","data":{"payer":"Müller"}}\n'.encode()
BODIES = [BODY, b"", b"\0", b"%s\\x41\n\n", bytes(range(256)), b"x" * 200_000]


@pytest.fixture(scope="module", params=["python", "typescript", "shell"])
def verifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    if request.param == "typescript":
        return typescript(tmp_path_factory.mktemp("typescript"))
    return python() if request.param == "python" else shell()


def message(body: bytes = BODY, secret: str = SECRET, now: int = NOW, **headers: str) -> Message:
    """As it is signed here, with headers changed after it was signed."""
    changed = {f"webhook-{name}": value for name, value in headers.items()}
    return Message({**signed(ID, NOW, body, [secret]), **changed}, body, secret, now)


def test_what_is_signed_here_is_accepted(verifier: Verifier):
    many = [message(body, secret) for body in BODIES for secret in (SECRET, new_secret())]
    assert verifier(many) == [True] * len(many)


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_of_each_length_is_taken(length: int, verifier: Verifier):
    secret = "whsec_" + b64encode(bytes(range(256))[-length:]).decode()
    assert verifier([message(secret=secret)]) == [True]


def test_each_changed_byte_of_the_body_is_refused(verifier: Verifier):
    genuine = message()
    changed = [
        Message(genuine.headers, BODY[:place] + bytes([BODY[place] ^ bit]) + BODY[place + 1 :], SECRET, NOW)
        for place in range(len(BODY))
        for bit in (1, 128)
    ]
    longer = [Message(genuine.headers, body, SECRET, NOW) for body in (BODY[:-1], BODY + b"\n", BODY[1:], b"")]
    assert verifier([genuine, *changed, *longer]) == [True] + [False] * (2 * len(BODY) + 4)


def test_each_changed_character_of_id_time_or_signature_is_refused(verifier: Verifier):
    genuine = message()
    changed = [
        Message({**genuine.headers, name: value[:place] + other + value[place + 1 :]}, BODY, SECRET, NOW)
        for name, value in genuine.headers.items()
        for place in range(len(value))
        for other in [{"1": "2", "A": "B"}.get(value[place], "1" if name != SIGNATURE else "A")]
    ]
    assert verifier([genuine, *changed]) == [True] + [False] * len(changed)
    assert len(changed) > 70


def test_what_was_signed_more_than_five_minutes_from_now_is_refused(verifier: Verifier):
    within = [message(now=NOW + seconds) for seconds in (-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS)]
    beyond = [message(now=NOW + seconds) for seconds in (-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 10**6)]
    assert verifier([*within, *beyond]) == [True] * 3 + [False] * 3


def test_another_secret_is_refused(verifier: Verifier):
    others = [new_secret(), "whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw9u3Zqz4xVYk="]
    assert verifier([Message(message().headers, BODY, other, NOW) for other in others]) == [False, False]


def test_one_of_two_signatures_is_enough(verifier: Verifier):
    headers = signed(ID, NOW, BODY, [new_secret(), SECRET])
    turned = {**headers, SIGNATURE: " ".join(reversed(headers[SIGNATURE].split(" ")))}
    foreign = {**headers, SIGNATURE: f"v1a,b2s= v2,x {headers[SIGNATURE]}"}
    neither = signed(ID, NOW, BODY, [new_secret(), new_secret()])
    asked = [Message(each, BODY, SECRET, NOW) for each in (headers, turned, foreign, neither)]
    assert verifier(asked) == [True, True, True, False]


def test_what_is_not_signed_or_not_so_is_refused(verifier: Verifier):
    right = message().headers[SIGNATURE]
    wrong = [
        *(message(signature=text) for text in ("", " ", "v1", "v1,", right[3:], "v2" + right[2:], "v1," + right, "*")),
        *(message(signature=text) for text in (right.replace("v1,", "V1,"), right + "=", right + ",", right[:-1])),
        *(message(timestamp=text) for text in ("", "soon", f"-{NOW}", f" {NOW}", f"{NOW}.0", f"0x{NOW:x}", "9" * 30)),
        *(message(timestamp=text) for text in (f"0{NOW}", f"{NOW}\n", "1e9", "١٧٥٠٠٠٠٠٠٠")),
        message(id=""),
        Message({}, BODY, SECRET, NOW),
    ]
    assert verifier(wrong) == [False] * len(wrong)
