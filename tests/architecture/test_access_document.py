"""What docs/access.md says of roles and throttles is what the code does."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from payerwatch.config.settings import THROTTLES
from payerwatch.members.roles import MANAGES, MAY, SCOPES, Permission, Role

pytestmark = pytest.mark.pure

TEXT = (Path(__file__).parents[2] / "docs" / "access.md").read_text()


def table(heading: str) -> list[dict[str, str]]:
    """The first table under a heading, a row as column -> cell."""
    lines = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


@pytest.mark.parametrize("row", table("Roles"), ids=lambda row: row["permission"])
def test_each_line_of_the_role_table_is_true(row: dict[str, str]):
    permission = Permission(row["permission"].strip("`"))
    assert {role for role in Role if row[role.value] != "–"} == {role for role in Role if permission in MAY[role]}
    assert (row["key"] == "scope") == (permission in SCOPES)


def test_every_permission_is_in_the_role_table():
    named = [row["permission"].strip("`") for row in table("Roles")]
    assert sorted(named) == sorted(permission.value for permission in Permission)


def test_admins_manage_analysts_and_viewers_alone():
    assert MANAGES[Role.ADMIN] == {Role.ANALYST, Role.VIEWER}
    assert MANAGES[Role.OWNER] == MANAGES[Role.OPERATOR] == set(Role.of_members())


def test_each_throttle_is_described_with_its_default():
    assert {row["name"].strip("`"): row["at most"] for row in table("Throttles")} == THROTTLES


def test_session_ages_are_those_of_the_settings():
    assert f"{settings.SESSION_IDLE_MINUTES} minutes unused" in TEXT
