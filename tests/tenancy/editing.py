"""Tables changed by a schema editor alone. What `payerwatch migrate` does is begun again where a table is in use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from payerwatch.tenancy.postgresql import schema

LOCK_MS = 60_000


@contextmanager
def editing(*, atomic: bool = True) -> Iterator[Any]:
    """An editor that waits for vacuum, which may come to a table at any time and gives way after a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "LOCK_MS", LOCK_MS)
        with connection.schema_editor(atomic=atomic) as editor:
            yield editor
