"""What stands in a file that is sent, in its name or in what is said of it is in no line of the log and no entry."""

import json
from base64 import b64encode
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from payerwatch import receiving
from payerwatch.claims import arrivals
from payerwatch.claims.models import Upload
from payerwatch.tenancy.context import acting_in
from tests.web.asking import Caller, problem_in
from tests.web.test_canaries import CANARY, holds, on_record, told

pytestmark = pytest.mark.django_db(transaction=True)

UPLOADS = "/api/v1/uploads/"
HEADER = "Payer,CPT,Submitted,Decided,Outcome,Patient Name"
FILES = {
    "a row": f"{HEADER}\nAetna,99213,2026-01-05,2026-01-20,Paid,{CANARY}\n",
    "rows that are set aside": f"{HEADER}\n{CANARY},,,,,\n,{CANARY},{CANARY},{CANARY},{CANARY},\n",
    "the header": f"Payer,CPT,{CANARY}\nAetna,99213,x\n",
    "no header": f"{CANARY}\n{CANARY}\n",
}


def sent(owner: Caller, content: str, **fields: str) -> Any:
    file = SimpleUploadedFile(f"{CANARY}.csv", content.encode())
    body = encode_multipart(BOUNDARY, {"file": file, **fields})
    return owner.ask("POST", UPLOADS, body, content_type=MULTIPART_CONTENT)


@pytest.mark.parametrize("place", FILES)
def test_a_file_leads_no_canary_into_the_log_or_the_record(
    owner: Caller, place: str, capfd: pytest.CaptureFixture[str]
):
    assert owner.customer is not None
    mapping = json.dumps({"payer": CANARY})
    answers = [sent(owner, FILES[place], **fields) for fields in ({}, {"mapping": mapping}, {"date_order": CANARY})]
    assert [answer.status_code for answer in answers] == [202, 202, 400]
    for answer in answers[:2]:
        receiving.load_received(owner.customer.pk, answer.json()["id"])
    with acting_in(owner.customer):
        states = set(Upload.objects.values_list("state", flat=True))
    assert states <= {"loaded", "refused"}
    assert holds("".join(map(told, answers))) == []
    said = capfd.readouterr().err
    assert said.count('"message": "answered"') == 3
    assert holds(said) == []
    assert holds(on_record(owner.customer)) == []


def test_headers_of_slices_lead_no_canary_into_the_log_or_the_record(owner: Caller, capfd: pytest.CaptureFixture[str]):
    in_base64 = b64encode(CANARY.encode()).decode()
    answers = [
        owner.ask("POST", f"{UPLOADS}resumable/", **{"Tus_Resumable": "1.0.0", "Upload_Length": "9", **headers})
        for headers in (
            {"Upload_Metadata": f"filename {in_base64}"},
            {"Upload_Metadata": f"filename {in_base64},mapping {in_base64},date_order {in_base64}"},
            {"Upload_Metadata": CANARY},
            {"Upload_Length": CANARY},
            {"Tus_Resumable": CANARY},
        )
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 400, 400, 412]
    assert holds("".join(map(told, answers)) + capfd.readouterr().err) == []
    assert owner.customer is not None
    assert holds(on_record(owner.customer)) == []


def test_who_has_many_files_waiting_is_told_to_wait(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "MOST_WAITING", 1)
        assert sent(owner, FILES["a row"]).status_code == 202
        refused = sent(owner, FILES["a row"])
    assert (refused.status_code, problem_in(refused)["code"]) == (429, "too_many_uploads_waiting")
    assert refused.headers["Retry-After"] == "30"


def test_what_cannot_be_taken_back_says_why(owner: Caller):
    waiting = sent(owner, FILES["a row"]).json()["id"]
    for way, status, code in (("undo/", 409, "upload_not_loaded"), ("rejected-rows/", 404, "rejected_rows_not_kept")):
        answer = owner.ask("POST" if way == "undo/" else "GET", f"{UPLOADS}{waiting}/{way}")
        assert (answer.status_code, problem_in(answer)["code"]) == (status, code)
