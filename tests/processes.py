"""What processes that tests start are told: the database of the test, as the application's role."""

import os

from django.db import connection


def environment() -> dict[str, str]:
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + str(connection.settings_dict["NAME"])
    kept = {name: value for name, value in os.environ.items() if name != "MIGRATOR_DATABASE_URL"}
    return kept | {"DATABASE_URL": url}
