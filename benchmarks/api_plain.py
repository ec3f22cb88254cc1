"""The least that can answer with the same 50 claims: Django, psycopg and orjson in the product's own server processes.

No caller is recognised, nothing is counted, logged, recorded or paged. Started by benchmarks/api.py.
"""

import os
import sys
import threading
from typing import Any

import django
import orjson
import psycopg
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

_STATEMENT = """
    SELECT c.id, c.claim_key, p.name, c.cpt, c.cpt_group, c.submitted_date, c.service_date, c.billed_amount,
           c.allowed_amount, c.paid_amount, c.outcome, c.status, c.decided_date, c.denial_code, c.denial_category,
           c.first_outcome, c.first_decided_date, c.first_denial_category, u.public_id
    FROM claims_claim c
    JOIN claims_payer p ON p.customer_id = c.customer_id AND p.id = c.payer_id
    JOIN claims_upload u ON u.customer_id = c.customer_id AND u.id = c.upload_id
    WHERE c.customer_id = %s ORDER BY c.submitted_date DESC, c.id DESC LIMIT 50
"""
_NAMES = (
    "id", "claim_number", "payer", "cpt", "cpt_group", "submitted_date", "service_date", "billed_amount",
    "allowed_amount", "paid_amount", "outcome", "status", "decided_date", "denial_code", "denial_category",
    "first_outcome", "first_decided_date", "first_denial_category", "upload",
)  # fmt: skip
_own = threading.local()


def claims(_request: HttpRequest) -> HttpResponse:
    customer = int(os.environ["BENCHMARK_CUSTOMER"])
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        _own.connection.execute(f"SET app.customer_id = '{customer}'")
    rows = _own.connection.execute(_STATEMENT, [customer]).fetchall()
    body = orjson.dumps({"results": [dict(zip(_NAMES, row, strict=True)) for row in rows]})
    return HttpResponse(body, content_type="application/json")


urlpatterns = [path("claims/", claims)]


def main() -> None:
    django.setup()
    settings.ROOT_URLCONF, settings.MIDDLEWARE = "api_plain", []
    application: Any = get_wsgi_application()
    # What needs Django set up.
    from payerwatch.operations.management.commands.serve import Server

    server = Server(
        bind=sys.argv[1],
        workers=1,
        threads=4,
        worker_class="payerwatch.web.server.Worker",
        logger_class="payerwatch.web.server.Lines",
        control_socket_disable=True,
    )
    server.load = lambda: application
    server.run()


if __name__ == "__main__":
    main()
