"""A file that waits: taken by one, tried a few times, found again, and never taken for one that is loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from payerwatch import pipeline, receiving
from payerwatch.claims import arrivals
from payerwatch.claims.arrivals import Asked
from payerwatch.claims.loading import lock_claims
from payerwatch.claims.models import Claim, Upload, UploadSlice
from payerwatch.claims.progress_notes import noted_progress
from payerwatch.claims.queries import earlier_upload_of, latest_upload_with, watermark
from payerwatch.claims.slices import reseal_slices
from payerwatch.drift.models import DriftRun
from payerwatch.sealing.keys import FieldKeyMissing
from payerwatch.sealing.sealing import SealBroken
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.waiting import LONGEST_SECONDS, another_waits_for_us, wait_until
from tests.jobs.caught import catch_steps
from tests.make import ACTOR, answer, claims_file, row
from tests.make import customer as make_customer
from tests.sealing.conftest import use_keys as use_keys

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice() -> Customer:
    return make_customer()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What would be done by the thread, in order; a test runs it or not."""
    put: list[Callable[[], None]] = []
    catch_steps(monkeypatch, put.append)
    return put


def received(practice: Customer, content: bytes, filename: str = "export.csv") -> str:
    with acting_in(practice):
        return receiving.receive(content, Asked(filename), actor=ACTOR).public_id


def the_file(folder: Path, *numbers: str) -> bytes:
    return claims_file(folder, [row(number=number) for number in numbers]).read_bytes()


def upload_of(practice: Customer, public_id: str) -> Upload:
    with acting_in(practice):
        return Upload.objects.get(public_id=public_id)


def count(practice: Customer, model: Any) -> int:
    with acting_in(practice):
        return int(model.objects.count())


def test_a_load_that_breaks_off_leaves_the_file_waiting_and_a_few_of_them_end_it(
    practice: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    public_id = received(practice, the_file(tmp_path, "C1"))

    def break_off(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.runoff, "count_upload", break_off)
        for attempt in range(1, arrivals.MOST_ATTEMPTS + 1):
            with pytest.raises(RuntimeError):
                receiving.load_received(practice.pk, public_id)
            kept = upload_of(practice, public_id)
            assert (kept.state, kept.attempts) == (Upload.State.LOADING, attempt)
            assert (count(practice, Claim), count(practice, UploadSlice), count(practice, Upload)) == (0, 1, 1)
    receiving.load_received(practice.pk, public_id)
    refused = upload_of(practice, public_id)
    assert (refused.state, refused.refusal["code"]) == (Upload.State.REFUSED, "load_failed")
    assert count(practice, UploadSlice) == 0


def test_of_two_that_begin_with_a_file_at_once_one_has_tried(
    practice: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    public_id, take = received(practice, the_file(tmp_path, "C1")), arrivals.taken
    with acting_in(practice):
        arrivals.count_attempt(upload_of(practice, public_id))
    found = [take, lambda _public_id: None]
    monkeypatch.setattr(arrivals, "taken", lambda public_id: found.pop(0)(public_id))
    receiving.load_received(practice.pk, public_id)
    kept = upload_of(practice, public_id)
    assert (kept.state, kept.attempts, found) == (Upload.State.LOADING, 1, [])


def test_what_waits_is_found_again_loaded_and_judged(practice: Customer, tmp_path: Path, at_once: list[Any]):
    public_id = received(practice, the_file(tmp_path, "C1", "C2"))
    at_once.clear()  # as the server was stopped
    receiving.take_up_waiting()
    assert len(at_once) == 1
    at_once.pop()()
    assert upload_of(practice, public_id).detection_due
    at_once.clear()
    receiving.take_up_waiting()
    assert len(at_once) == 1
    at_once.pop()()
    assert not upload_of(practice, public_id).detection_due
    assert (count(practice, Claim), count(practice, DriftRun)) == (2, 1)
    at_once.clear()  # who is to be told of it
    receiving.take_up_waiting()
    assert at_once == []


def test_a_step_that_was_done_is_not_done_again(practice: Customer, tmp_path: Path):
    public_id = received(practice, the_file(tmp_path, "C1"))
    receiving.load_received(practice.pk, public_id)
    loaded = upload_of(practice, public_id)
    receiving.load_received(practice.pk, public_id)
    receiving.judge_loaded(practice.pk, public_id)
    receiving.judge_loaded(practice.pk, public_id)
    assert (upload_of(practice, public_id).pk, count(practice, DriftRun)) == (loaded.pk, 1)


def test_one_look_for_drift_is_for_all_that_was_loaded_before_it(practice: Customer, tmp_path: Path):
    first, second, later = (received(practice, the_file(tmp_path, number)) for number in ("C1", "C2", "C3"))
    for public_id in (first, second):
        receiving.load_received(practice.pk, public_id)
    receiving.judge_loaded(practice.pk, first)
    assert not upload_of(practice, second).detection_due
    receiving.judge_loaded(practice.pk, second)
    assert count(practice, DriftRun) == 1
    receiving.load_received(practice.pk, later)
    assert upload_of(practice, later).detection_due


def test_a_file_half_sent_is_forgotten_after_a_day_and_no_sooner(practice: Customer):
    with acting_in(practice):
        old, young = (receiving.begin(9, Asked("half.csv"), actor=ACTOR) for _ in range(2))
        receiving.append(old, 0, b"four", actor=ACTOR)
        day = timedelta(hours=24)
        for upload, ago in ((old, day + timedelta(minutes=1)), (young, day - timedelta(minutes=1))):
            Upload.objects.filter(pk=upload.pk).update(received_at=timezone.now() - ago)
    receiving.take_up_waiting()
    with acting_in(practice):
        assert [each.public_id for each in Upload.objects.all()] == [young.public_id]
        assert not UploadSlice.objects.exists()


def test_what_stands_in_the_way_of_one_customer_keeps_no_other_waiting(
    practice: Customer, tmp_path: Path, at_once: list[Any], use_keys: Any
):
    other = make_customer("Other practice")
    use_keys("year-2026")
    with acting_in(practice):
        upload = receiving.begin(9, Asked("half.csv"), actor=ACTOR)
        Upload.objects.filter(pk=upload.pk).update(received_at=timezone.now() - timedelta(days=2))
    use_keys()
    received(other, the_file(tmp_path, "C1"))
    at_once.clear()
    receiving.take_up_waiting()
    assert len(at_once) == 1
    with acting_in(practice):
        assert not Upload.objects.exists()


def test_a_fault_in_looking_keeps_no_other_customer_waiting(
    practice: Customer, tmp_path: Path, at_once: list[Any], monkeypatch: pytest.MonkeyPatch
):
    received(make_customer("Other practice"), the_file(tmp_path, "C1"))
    at_once.clear()
    find, faults = arrivals.abandoned, iter([ZeroDivisionError])

    def find_or_fail(now: datetime) -> list[Upload]:
        for fault in faults:
            raise fault
        return find(now)

    monkeypatch.setattr(arrivals, "abandoned", find_or_fail)
    receiving.take_up_waiting()
    assert len(at_once) == 1


@pytest.mark.postgresql
def test_a_connection_that_breaks_while_looking_is_made_anew_for_the_next_customer(
    practice: Customer, tmp_path: Path, at_once: list[Any], monkeypatch: pytest.MonkeyPatch
):
    received(make_customer("Other practice"), the_file(tmp_path, "C1"))
    at_once.clear()
    find, breaks = arrivals.abandoned, iter([connection.connection.close])

    def find_or_break(now: datetime) -> list[Upload]:
        for break_off in breaks:
            break_off()
        return find(now)

    monkeypatch.setattr(arrivals, "abandoned", find_or_break)
    receiving.take_up_waiting()
    assert len(at_once) == 1


def test_a_file_that_somebody_goes_on_sending_meanwhile_is_not_forgotten(
    practice: Customer, monkeypatch: pytest.MonkeyPatch
):
    find = arrivals.abandoned
    with acting_in(practice):
        upload = receiving.begin(9, Asked("half.csv"), actor=ACTOR)
        Upload.objects.filter(pk=upload.pk).update(received_at=timezone.now() - timedelta(days=2))

    def found_just_before(now: datetime) -> list[Upload]:
        found = find(now)
        receiving.append(upload, 0, b"four", actor=ACTOR)
        return found

    monkeypatch.setattr(arrivals, "abandoned", found_just_before)
    receiving.take_up_waiting()
    assert upload_of(practice, upload.public_id).received_bytes == 4


def test_no_more_than_some_files_wait(practice: Customer):
    for _ in range(arrivals.MOST_WAITING):
        received(practice, b"x")
    with pytest.raises(arrivals.TooManyUploadsWaiting):
        received(practice, b"x")
    assert received(make_customer("Another"), b"x")


def test_bytes_that_were_loaded_are_repeated_whatever_their_dates_would_be_taken_for(
    practice: Customer, tmp_path: Path
):
    days = ("01/13/2026", "13/01/2026", "14/01/2026")
    path = claims_file(tmp_path, [row(number=f"C{day}", submitted=day, decided=day, service="") for day in days])
    done = answer("load", path, "--date-order", "dmy")
    sent_again = received(practice, path.read_bytes())
    receiving.load_received(practice.pk, sent_again)
    repeated = upload_of(practice, sent_again)
    assert (repeated.state, repeated.repeats) == (Upload.State.REPEATED, done.document["upload"])


def test_a_file_that_is_not_loaded_counts_for_nothing(practice: Customer, tmp_path: Path):
    content = the_file(tmp_path, "C1")
    waiting = received(practice, content)
    with acting_in(practice):
        digest = Upload.objects.get().digest
        assert (earlier_upload_of(digest), latest_upload_with(""), watermark()) == (None, None, None)
    refused = answer("undo", waiting)
    assert refused.error["code"] == "upload_not_loaded"
    done = answer("load", tmp_path / "claims.csv")
    assert (done.code, done.document["already_loaded"], done.document["new_claims"]) == (0, False, 1)
    receiving.load_received(practice.pk, waiting)
    repeated = upload_of(practice, waiting)
    assert (repeated.state, repeated.repeats) == (Upload.State.REPEATED, done.document["upload"])
    assert answer("undo", waiting).error["code"] == "upload_not_loaded"
    assert answer("undo", done.document["upload"]).code == 0


def test_uploads_are_undone_in_the_order_of_their_loads_and_not_of_their_sending(practice: Customer, tmp_path: Path):
    late = received(practice, claims_file(tmp_path, [row(number="C1", paid="7.00")], name="late.csv").read_bytes())
    first = answer("load", claims_file(tmp_path, [row(number="C1")], name="first.csv")).document["upload"]
    receiving.load_received(practice.pk, late)
    assert upload_of(practice, late).updated_claims == 1
    assert answer("undo", first).error["code"] == "upload_changed_since"
    assert answer("undo", late).code == 0
    assert answer("undo", first).code == 0


def test_a_file_waits_where_its_key_is_missing_and_is_loaded_once_it_is_back(
    practice: Customer, tmp_path: Path, use_keys: Callable[..., None]
):
    use_keys("2026a")
    public_id = received(practice, the_file(tmp_path, "C1"))
    use_keys("2026b")
    with pytest.raises(FieldKeyMissing):
        receiving.load_received(practice.pk, public_id)
    use_keys("2026b", "2026a")
    receiving.load_received(practice.pk, public_id)
    assert upload_of(practice, public_id).state == Upload.State.LOADED


def test_a_database_that_does_not_answer_is_not_held_against_the_file(
    practice: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    public_id = received(practice, the_file(tmp_path, "C1"))

    def no_answer(*_: object, **__: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.runoff, "count_upload", no_answer)
        for _ in range(arrivals.MOST_ATTEMPTS + 1):
            with pytest.raises(OperationalError):
                receiving.load_received(practice.pk, public_id)
    kept = upload_of(practice, public_id)
    assert (kept.state, kept.attempts) == (Upload.State.RECEIVED, 0)
    receiving.load_received(practice.pk, public_id)
    assert upload_of(practice, public_id).state == Upload.State.LOADED


def test_pieces_follow_a_rotation_of_keys(practice: Customer, tmp_path: Path, use_keys: Callable[..., None]):
    use_keys()
    content = the_file(tmp_path, "C1")
    public_id = received(practice, content)
    for keys in (("2026a",), ("2026b", "2026a"), ()):
        use_keys(*keys, "2026b") if not keys else use_keys(*keys)
        with acting_in(practice):
            assert reseal_slices(keys[0] if keys else None) == 1
            assert reseal_slices(keys[0] if keys else None) == 0
        use_keys(*keys[:1])
        with acting_in(practice):
            assert arrivals.held(Upload.objects.get(public_id=public_id)).content == content


def test_a_piece_opens_nowhere_but_in_its_place(practice: Customer):
    with acting_in(practice):
        upload = receiving.begin(4, Asked("a.csv"), actor=ACTOR)
        for place, piece in enumerate((b"on", b"to")):
            receiving.append(upload, 2 * place, piece, actor=ACTOR)
        assert arrivals.held(upload).content == b"onto"
        first, second = UploadSlice.objects.order_by("position")
        UploadSlice.objects.filter(pk=first.pk).update(sealed=second.sealed)
        with pytest.raises(SealBroken):
            arrivals.held(upload)


@contextmanager
def elsewhere(work: Callable[[], None]) -> Iterator[None]:
    """Run the work on another connection before the block."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    yield


@pytest.mark.postgresql
def test_what_one_has_taken_no_other_takes_and_all_see_how_far_it_is(practice: Customer, tmp_path: Path):
    public_id = received(practice, the_file(tmp_path, "C1"))
    found: list[Any] = []

    def look() -> None:
        with acting_in(practice):
            found.append(arrivals.taken(public_id))

    def tell() -> None:
        with noted_progress(practice, public_id) as progress:
            progress("check", 3, 9)

    with acting_in(practice):
        arrivals.count_attempt(Upload.objects.get())
    with acting_in(practice):
        assert arrivals.taken(public_id) is not None
        with elsewhere(look), elsewhere(tell):
            told = Upload.objects.get()
    assert found == [None]
    assert (told.state, told.stage, told.done, told.total) == (Upload.State.LOADING, "check", 3, 9)


@pytest.mark.postgresql
def test_waiting_for_another_file_of_the_customer_is_no_attempt(practice: Customer, tmp_path: Path):
    public_id = received(practice, the_file(tmp_path, "C1"))

    def process() -> None:
        try:
            receiving.load_received(practice.pk, public_id)
        finally:
            connection.close()

    first, *others = (Thread(target=process) for _ in range(arrivals.MOST_ATTEMPTS + 2))
    with acting_in(practice):
        lock_claims()
        first.start()
        wait_until(lambda: upload_of(practice, public_id).attempts == 1)
        wait_until(another_waits_for_us)
        for each in others:
            each.start()
            each.join(LONGEST_SECONDS)
            assert not each.is_alive()
    first.join(LONGEST_SECONDS)
    loaded = upload_of(practice, public_id)
    assert (loaded.state, count(practice, Claim)) == (Upload.State.LOADED, 1)
