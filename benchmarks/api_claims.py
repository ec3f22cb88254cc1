"""Claims by the million, made inside the database: for measuring reads, where what they say does not matter."""

import os

import psycopg
from django.db import connection

_PAYERS, _UPLOADS = 40, 20
_STATEMENTS = (
    """
    INSERT INTO claims_payer (customer_id, name, name_key)
    SELECT %(customer)s, 'Payer ' || n, 'payer' || n FROM generate_series(1, %(payers)s) n
    """,
    """
    INSERT INTO claims_payermapping (customer_id, raw_name, raw_key, payer_id)
    SELECT %(customer)s, name, name_key, id FROM claims_payer WHERE customer_id = %(customer)s
    """,
    """
    INSERT INTO claims_upload (customer_id, public_id, state, filename, digest, size_bytes, rows, accepted, set_aside,
        new_claims, updated_claims, unchanged_claims, reasons, mapping, dropped_columns, date_order, header_signature,
        loaded_at, arrived_at, received_bytes, attempts, stage, done, total, repeats, detection_due)
    SELECT %(customer)s, 'upl_' || lpad(n::text, 16, '2'), 'loaded', 'claims.csv', md5(n::text), 1000, 100, 100, 0, 100,
        0, 0, '{}', '{}', '[]', 'mdy', '', now() - make_interval(days => n), now() - make_interval(days => n), 0, 0, '',
        0, 0, '', false
    FROM generate_series(1, %(uploads)s) n
    """,
    """
    INSERT INTO claims_claim (customer_id, payer_mapping_id, payer_id, upload_id, claim_key, submitted_date,
        service_date, cpt, cpt_group, billed_amount, allowed_amount, paid_amount, outcome, status, decided_date,
        denial_code, denial_category, first_outcome, first_decided_date, first_denial_category)
    SELECT %(customer)s, m.id, m.payer_id, u.id, 'C' || lpad(n::text, 9, '0'), date '2024-01-01' + n * 17 %% 700,
        date '2023-12-28' + n * 17 %% 700, (99000 + n * 7 %% 400)::text, 'group_' || n %% 30,
        CASE WHEN n %% 20 > 0 THEN 5000 + n::bigint * 7919 %% 100000 END, 4000,
        CASE WHEN n %% 9 > 0 THEN 4000 ELSE 0 END,
        CASE WHEN n %% 9 > 0 THEN 'paid' ELSE 'denied' END, CASE WHEN n %% 9 > 0 THEN 'paid' ELSE 'denied' END,
        date '2024-01-15' + n * 17 %% 700, CASE WHEN n %% 9 = 0 THEN (n * 3 %% 250)::text END,
        CASE WHEN n %% 9 = 0 THEN 'authorization' END, CASE WHEN n %% 9 > 0 THEN 'paid' ELSE 'denied' END,
        date '2024-01-15' + n * 17 %% 700, CASE WHEN n %% 9 = 0 THEN 'authorization' END
    FROM generate_series(1, %(claims)s) n
    JOIN (SELECT id, payer_id, row_number() OVER (ORDER BY id) - 1 AS place
          FROM claims_payermapping WHERE customer_id = %(customer)s) m ON m.place = n %% %(payers)s
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
          FROM claims_upload WHERE customer_id = %(customer)s) u ON u.place = n %% %(uploads)s
    """,
)


def fill(customer: int, claims: int) -> None:
    """Payers, uploads and claims of the customer that is entered; then the planner is told of them."""
    sizes = {"customer": customer, "claims": claims, "payers": _PAYERS, "uploads": _UPLOADS}
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, sizes)


def told() -> None:
    """What autovacuum would do in time: as the tables' owner, after the claims are committed."""
    with psycopg.connect(os.environ["MIGRATOR_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
