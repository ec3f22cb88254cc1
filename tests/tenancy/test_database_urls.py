"""DATABASE_URL and MIGRATOR_DATABASE_URL: what they must say themselves, and that they agree."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from payerwatch.config import env

pytestmark = pytest.mark.pure

APP = "postgresql://app:secret@db.example:5432/payerwatch"


@pytest.fixture(autouse=True)
def urls(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DATABASE_URL", APP)
    monkeypatch.delenv("MIGRATOR_DATABASE_URL", raising=False)
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
