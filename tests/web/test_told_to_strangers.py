"""What probes, the health document and metrics tell to whoever asks, and to whom they tell nothing."""

import re

import pytest
from django.conf import settings
from django.test import Client

from tests.make import customer

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "Zyxwold Surgery"
TOKEN = "a token that collectors know"
OPEN = ("/livez", "/readyz", "/api/v1/health/")


def secrets() -> set[str]:
    database = settings.DATABASES["default"]
    found = {NAME, settings.SECRET_KEY, str(settings.DATA_DIR), str(settings.CHECKPOINT_DIR), TOKEN}
    return found | {str(database[name]) for name in ("HOST", "USER", "PASSWORD") if database.get(name)}


@pytest.fixture(autouse=True)
def practice(settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    customer(NAME)


@pytest.mark.parametrize("path", OPEN)
def test_whoever_asks_is_told_no_secret(path: str):
    answer = Client().get(path)
    assert answer.status_code in {200, 503}
    assert [secret for secret in secrets() if secret.encode() in answer.content] == []


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer another", TOKEN[:-1]])
def test_who_does_not_say_the_token_is_told_no_metrics(given: str | None):
    answer = Client().get("/metrics", headers={} if given is None else {"Authorization": given})
    assert answer.status_code == 401
    assert b"# TYPE" not in answer.content


def test_where_there_is_no_token_nobody_is_told_metrics(settings):
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_metrics_bear_no_customer_and_no_address_that_was_asked_for():
    client = Client(headers={"Authorization": f"Bearer {TOKEN}"})
    for number in range(20):
        client.get(f"/api/v1/claims/clm_{number}/?{NAME}")
        client.get(f"/zyxwold-{number}/")
    told = client.get("/metrics").content.decode()
    assert "payerwatch_http_requests_total" in told
    assert re.search("zyxwold|clm_|cus_", told, re.IGNORECASE) is None
    assert set(re.findall(r'[{,](\w+)="', told)) <= {
        "method",
        "route",
        "status",
        "le",
        "step",
        "outcome",
        "channel",
        "what",
        "build",
    }
