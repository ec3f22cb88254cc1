"""DATABASE_URL and MIGRATOR_DATABASE_URL: what they must say themselves, and that they agree."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from payerwatch.config import env

pytestmark = pytest.mark.pure

APP = "postgresql://app:secret@db.example:5432/payerwatch"


@pytest.fixture(autouse=True)
def urls(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DATABASE_URL", APP)
    for name in ("MIGRATOR_DATABASE_URL", "PAYERWATCH_BEHIND_PGBOUNCER", "PAYERWATCH_DIRECT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "missing"),
    [
        ("postgresql://db.example:5432/payerwatch", "user"),
        ("postgresql:///payerwatch?service=production", "user"),
        ("postgresql://:secret@db.example/payerwatch", "user"),
        ("postgresql://app@db.example", "database"),
        ("postgresql://", "user and no database"),
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATOR_DATABASE_URL"])
def test_an_address_names_its_user_and_database_itself(urls: pytest.MonkeyPatch, name: str, url: str, missing: str):
    urls.setenv(name, url)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} names no {missing}. Write it as") as refused:
        env.migrator_database() if name.startswith("MIGRATOR") else env.database()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("migrator", "word"),
    [
        ("postgresql://migrator:hidden@db.example:5432/postgres", "database 'postgres'"),
        ("postgresql://migrator:hidden@other.example:5432/payerwatch", "host 'other.example'"),
        ("postgresql://migrator:hidden@db.example:5433/payerwatch", "port 5433"),
    ],
)
def test_both_addresses_lead_to_the_same_database(urls: pytest.MonkeyPatch, migrator: str, word: str):
    urls.setenv("MIGRATOR_DATABASE_URL", migrator)
    with pytest.raises(
        ImproperlyConfigured, match=f"MIGRATOR_DATABASE_URL names the {word} and DATABASE_URL"
    ) as refused:
        env.migrator_database()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "migrator",
    ["postgresql://migrator:hidden@db.example:5432/payerwatch", "postgresql://migrator:hidden@db.example/payerwatch"],
)
def test_a_port_left_out_disagrees_with_none(urls: pytest.MonkeyPatch, migrator: str):
    urls.setenv("MIGRATOR_DATABASE_URL", migrator)
    found = env.migrator_database()
    assert found is not None
    assert found["USER"] == "migrator"


# Behind PgBouncer

POOLED = "postgresql://app:secret@pooler.example:6432/payerwatch"


@pytest.fixture
def behind(urls: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    urls.setenv("DATABASE_URL", POOLED)
    urls.setenv("PAYERWATCH_BEHIND_PGBOUNCER", "yes")
    return urls


def test_the_way_past_pgbouncer_leads_to_the_same_database(behind: pytest.MonkeyPatch):
    assert env.direct_database() is None
    behind.setenv("PAYERWATCH_DIRECT_DATABASE_URL", APP)
    found = env.direct_database()
    assert found is not None
    assert (found["HOST"], found["PORT"]) == ("db.example", 5432)


@pytest.mark.parametrize(
    "direct",
    [
        "postgresql://app:secret@db.example:5432/another",
        "postgresql://migrator:secret@db.example:5432/payerwatch",
        "sqlite:///payerwatch",
    ],
)
def test_it_does_not_lead_elsewhere(behind: pytest.MonkeyPatch, direct: str):
    behind.setenv("PAYERWATCH_DIRECT_DATABASE_URL", direct)
    with pytest.raises(ImproperlyConfigured, match="the same database and the same role") as refused:
        env.direct_database()
    assert "secret" not in str(refused.value)


def test_a_way_past_nothing_is_refused(urls: pytest.MonkeyPatch):
    urls.setenv("PAYERWATCH_DIRECT_DATABASE_URL", APP)
    with pytest.raises(ImproperlyConfigured, match="PAYERWATCH_BEHIND_PGBOUNCER is not on"):
        env.direct_database()


def test_nothing_stands_before_a_file(urls: pytest.MonkeyPatch):
    urls.setenv("PAYERWATCH_BEHIND_PGBOUNCER", "yes")
    urls.setenv("DATABASE_URL", "sqlite:///payerwatch")
    with pytest.raises(ImproperlyConfigured, match="names no PostgreSQL"):
        env.database()


def test_the_migrator_goes_where_the_way_past_pgbouncer_leads(behind: pytest.MonkeyPatch):
    behind.setenv("MIGRATOR_DATABASE_URL", "postgresql://migrator:hidden@db.example:5432/payerwatch")
    assert env.migrator_database() is not None
    behind.setenv("PAYERWATCH_DIRECT_DATABASE_URL", APP.replace("5432", "5433"))
    with pytest.raises(ImproperlyConfigured, match="the port 5432 and PAYERWATCH_DIRECT_DATABASE_URL 5433"):
        env.migrator_database()


@pytest.mark.parametrize("value", ["-1", "soon", "30s", "1.5", "86401"])
def test_a_time_that_cannot_be_read_is_refused(urls: pytest.MonkeyPatch, value: str):
    urls.setenv("PAYERWATCH_WEB_STATEMENT_SECONDS", value)
    with pytest.raises(ImproperlyConfigured, match="PAYERWATCH_WEB_STATEMENT_SECONDS must be a whole number"):
        env.whole_number("PAYERWATCH_WEB_STATEMENT_SECONDS", 30, env.A_DAY)
