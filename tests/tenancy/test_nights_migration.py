"""The customers' time zones and nights, and the index of parked jobs, are made and taken back without a trace."""

import pytest
from django.core.management import call_command

from payerwatch.tenancy.models import Customer
from tests.make import customer
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)


def test_customers_that_were_there_before_are_in_utc_and_were_not_judged_by_night():
    practice, schema = customer(), schema_as_text()
    call_command("migrate", "tenancy", "0003_after_customer_public_id", verbosity=0)
    assert not any("time_zone" in line or "judged_night" in line for line in schema_as_text())
    call_command("migrate", verbosity=0)
    assert schema_as_text() == schema
    practice = Customer.objects.get(pk=practice.pk)
    assert (practice.time_zone, practice.judged_night) == ("UTC", None)


@pytest.mark.postgresql
def test_the_index_of_parked_jobs_goes_and_comes_back():
    schema = schema_as_text()
    call_command("migrate", "jobs", "zero", verbosity=0)
    assert set(schema) - set(schema_as_text()) == {
        "index CREATE INDEX jobs_parked ON public.procrastinate_jobs USING btree (lock)"
        " WHERE (status = 'failed'::procrastinate_job_status)"
    }
    call_command("migrate", verbosity=0)
    assert schema_as_text() == schema
