"""Alerts by several processes at once on PostgreSQL: each is raised and told once."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.alerts.models import Alert
from payerwatch.deliveries.models import Message
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts.making import alerts_in, endpoint, event, payer, rule
from tests.deliveries.lanes import posted
from tests.make import customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.proof]

THREADS, ROUNDS = 8, 50 if os.environ.get("PAYERWATCH_PROOF") == "full" else 10


def test_eight_at_once_tell_each_event_once():
    practice, together = customer(), threading.Barrier(THREADS + 1, timeout=60)  # else one that fails hangs all
    with acting_in(practice):
        endpoint()
        rule()

    def bring_up(practice: Customer) -> None:
        try:
            for _ in range(ROUNDS):
                together.wait()  # until the event of this round is there
                together.wait()
                with acting_in(practice):
                    bring_up_to_date()
        finally:
            connection.close()

    with posted(), ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(bring_up, practice) for _ in range(THREADS)]
        for number in range(ROUNDS):
            together.wait()
            with acting_in(practice):
                event(payer(f"Payer {number}"))
            together.wait()
        for each in running:
            each.result(timeout=60)
    with acting_in(practice):
        assert Alert.objects.count() == len(alerts_in("sent")) == Message.objects.count() == ROUNDS
