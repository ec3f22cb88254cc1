"""A world that is put back is as newly built, whatever was done to the tables since."""

import pytest
from django.core.management import call_command

from tests.api.world import built, newcomer, unhindered


@pytest.mark.django_db(transaction=True)
def test_rows_are_added_to_a_world_put_back_after_the_sequences_were_begun_anew():
    with unhindered():
        built()
        call_command("flush", interactive=False, verbosity=0)
        practice = built().own
        assert newcomer(practice, "viewer").pk > max(each.pk for each in practice.people.values())
