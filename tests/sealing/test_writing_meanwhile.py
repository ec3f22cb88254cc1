"""A value written while the keys change is under the new key too, although its writer holds no lock on claims."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from payerwatch.claims.models import Upload
from payerwatch.tenancy.context import acting_in
from tests.make import answer, claims_file, row
from tests.make import customer as make_customer
from tests.sealing.stored import assert_all_under

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def rotations_waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])


def test_a_rotation_waits_for_who_writes_a_sealed_value(tmp_path: Path, use_keys: Callable[..., None]):
    use_keys("2026a")
    practice = make_customer()
    answer("load", claims_file(tmp_path, [row()]))
    use_keys("2026b", "2026a")
    codes: list[int] = []

    def rotate() -> None:
        codes.append(answer("rotate_field_keys", customer=None).code)
        connection.close()

    rotation = threading.Thread(target=rotate)
    with acting_in(practice):
        Upload.objects.create(filename="written meanwhile.csv", digest="0", size_bytes=1, header_signature="0")
        rotation.start()
        while rotation.is_alive() and not rotations_waiting():
            rotation.join(0.02)
        assert rotation.is_alive()
    rotation.join()
    assert codes == [0]
    assert_all_under(practice, "2026b")
