"""PostgreSQL's two roles: what the application may not do, and what only the migrator does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Count
from django.db.transaction import TransactionManagementError
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext
from psycopg.errors import FeatureNotSupported

from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.base import DatabaseWrapper
from payerwatch.tenancy.postgresql.features import DatabaseFeatures
from payerwatch.tenancy.postgresql.roles import (
    MIGRATING,
    MigratorMissing,
    RoleIgnoresPolicies,
    RolesNotApart,
    as_migrator,
    prepare_app_role,
    refuse_a_role_above_policies,
)
from tests.tenancy.conftest import OTHER_BOOKS, OWN_BOOKS, World, filters_off
from tests.tenancy.shelf.models import Book, Shelf, Stamp

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
]


def execute(statement: str) -> list[tuple]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def connection_as(user: str, password: str = "") -> DatabaseWrapper:
    """A connection of the application's engine, as another role."""
    return DatabaseWrapper({**connection.settings_dict, "USER": user, "PASSWORD": password}, alias="default")


def test_tests_run_as_the_application_which_row_policies_hold():
    [(role, is_superuser, bypasses)] = execute(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    )
    assert role == settings.DATABASES["default"]["USER"] != settings.MIGRATOR_DATABASE["USER"]
    assert not is_superuser
    assert not bypasses
    assert execute("SELECT 1 FROM pg_class WHERE relname = 'shelf_book' AND relowner = current_user::regrole") == []


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE shelf_book",
        "ALTER TABLE shelf_book DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE shelf_book NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_rows ON shelf_book",
        "CREATE POLICY all_rows ON shelf_book USING (true)",
        "ALTER TABLE shelf_book DROP CONSTRAINT shelf_book_pkey",
        "DROP TABLE shelf_book",
        "CREATE TABLE mine (id int)",
        "DELETE FROM tenancy_customer",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('a', 'b', now())",
        "CREATE ROLE mine SUPERUSER",
    ],
)
def test_the_application_may_not(statement: str):
    with pytest.raises(ProgrammingError, match=r"must be owner|must be superuser|permission denied"):
        execute(statement)


def test_the_application_cannot_become_the_migrator():
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"SET ROLE {settings.MIGRATOR_DATABASE['USER']}")


def test_row_security_switched_off_is_an_error_and_not_every_row(world: World):
    with acting_in(world.own.customer), pytest.raises(ProgrammingError, match="row-level security"):
        execute("SET LOCAL row_security = off; SELECT * FROM shelf_book")


def test_a_dump_as_the_owner_is_an_error_and_not_a_part_of_the_rows(world: World):
    """pg_dump switches row security off: backups need a role with BYPASSRLS."""
    with as_migrator(), pytest.raises(ProgrammingError, match="row-level security"):
        execute("SET LOCAL row_security = off; SELECT * FROM shelf_book")


def test_as_the_owner_of_the_tables_the_same_query_sees_every_row(world: World):
    """The control: which role asks is what keeps customers apart once the filter is forgotten."""
    with filters_off():
        with acting_in(world.own.customer):
            assert Book.objects.count() == OWN_BOOKS
        with as_migrator(), acting_in(world.own.customer):
            assert Book.objects.count() == OWN_BOOKS + OTHER_BOOKS


def test_the_owner_of_the_tables_is_refused_as_the_application():
    owner = connection_as(settings.MIGRATOR_DATABASE["USER"], settings.MIGRATOR_DATABASE["PASSWORD"])
    with pytest.raises(RoleIgnoresPolicies, match="owns the tables"):
        owner.ensure_connection()
    assert owner.connection is None


@pytest.fixture
def superuser() -> Iterator[str]:
    probe = connection_as("postgres")
    try:
        probe.ensure_connection()
    except OperationalError:
        pytest.skip("this server lets nobody in as postgres without a password")
    except RoleIgnoresPolicies:
        yield "postgres"


def test_a_superuser_is_refused_as_the_application_however_often_it_tries(superuser: str):
    wrapper = connection_as(superuser)
    for _ in range(2):
        with pytest.raises(RoleIgnoresPolicies, match=r"is a superuser.*payerwatch migrate"), wrapper.cursor():
            pass


def test_a_role_that_bypasses_policies_is_refused_as_the_application(superuser: str):
    administrator = connection_as(superuser)
    administrator.settings_dict[MIGRATING] = True  # what spares it the refusal
    with administrator.cursor() as cursor:
        cursor.execute("CREATE ROLE passer LOGIN BYPASSRLS")
        try:
            with pytest.raises(RoleIgnoresPolicies, match="has BYPASSRLS"):
                connection_as("passer").ensure_connection()
        finally:
            cursor.execute("DROP ROLE passer")
    administrator.close()


def test_a_superuser_that_the_environment_names_is_refused(superuser: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGUSER", superuser)
    nobody_named = connection_as("")
    with pytest.raises(RoleIgnoresPolicies, match=r"'postgres' of DATABASE_URL is a superuser"):
        nobody_named.ensure_connection()
    assert nobody_named.connection is None


def test_a_superuser_that_takes_an_ordinary_role_is_refused(superuser: str):
    """What was set can be reset: whoever logged in counts as well."""
    disguised = connection_as(superuser)
    role = settings.DATABASES["default"]["USER"]
    disguised.settings_dict["OPTIONS"] = {**disguised.settings_dict["OPTIONS"], "options": f"-c role={role}"}
    with pytest.raises(RoleIgnoresPolicies, match="'postgres' of DATABASE_URL is a superuser"):
        disguised.ensure_connection()


def test_an_ordinary_role_that_takes_one_above_policies_is_refused(superuser: str):
    administrator = connection_as(superuser)
    administrator.settings_dict[MIGRATING] = True  # what spares it the refusal
    with administrator.cursor() as cursor:
        cursor.execute("CREATE ROLE climber LOGIN")
        cursor.execute("CREATE ROLE summit BYPASSRLS ROLE climber")
        climber = connection_as("climber")
        climber.settings_dict["OPTIONS"] = {**climber.settings_dict["OPTIONS"], "options": "-c role=summit"}
        try:
            with pytest.raises(RoleIgnoresPolicies, match="'summit' of DATABASE_URL has BYPASSRLS"):
                climber.ensure_connection()
        finally:
            cursor.execute("DROP ROLE climber, summit")
    administrator.close()


def test_a_role_the_server_does_not_know_is_refused():
    with as_migrator(), pytest.raises(RoleIgnoresPolicies, match="is not known to the server"):
        refuse_a_role_above_policies(connection, "nobody")


def test_one_role_for_both_is_refused(settings):
    settings.MIGRATOR_DATABASE = {"USER": connection.settings_dict["USER"], "PASSWORD": ""}
    with pytest.raises(RolesNotApart), as_migrator():
        pass


def test_migrating_without_a_migrator_says_what_to_set(settings):
    settings.MIGRATOR_DATABASE = None
    with pytest.raises(MigratorMissing):
        as_migrator().__enter__()
    with pytest.raises(CommandError, match="MIGRATOR_DATABASE_URL is not set"):
        call_command("migrate", verbosity=0)


def test_becoming_the_migrator_inside_a_transaction_is_refused():
    with transaction.atomic(), pytest.raises(TransactionManagementError), as_migrator():
        pass


def test_after_the_migrator_the_application_is_back():
    before = connection.settings_dict
    with as_migrator():
        assert execute("SELECT current_user") == [(settings.MIGRATOR_DATABASE["USER"],)]
        with as_migrator():
            pass
        assert execute("SELECT current_user") == [(settings.MIGRATOR_DATABASE["USER"],)]
    assert connection.settings_dict is before
    assert execute("SELECT current_user") == [(before["USER"],)]


def test_migrating_makes_the_role_once_and_never_shows_its_password(monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "USER", "made_by_a_test")
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "correct horse's battery")
    with as_migrator(), CaptureQueriesContext(connection) as first:
        prepare_app_role()
    with as_migrator(), CaptureQueriesContext(connection) as second:
        prepare_app_role()
    with as_migrator():
        for privilege in ("USAGE ON SCHEMA public", "ALL ON ALL TABLES IN SCHEMA public"):
            execute(f"REVOKE {privilege} FROM made_by_a_test")
        for kind in ("TABLES", "SEQUENCES"):
            execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM made_by_a_test")
        execute("DROP ROLE made_by_a_test")
    asked = " ".join(query["sql"] for query in first)
    assert "CREATE ROLE" in asked
    assert "SCRAM-SHA-256$" in asked
    assert "horse" not in asked
    assert not any("ROLE" in query["sql"].split() and "PASSWORD" in query["sql"] for query in second)


def test_migrating_says_that_the_application_is_kept_out_and_that_the_tables_are_there(monkeypatch):
    """Here by a role that may not log in: this server asks for no password."""
    with as_migrator():
        execute("CREATE ROLE kept_out NOLOGIN")
    monkeypatch.setitem(connection.settings_dict, "USER", "kept_out")
    heard = io.StringIO()
    try:
        with pytest.raises(CommandError, match=r"migrations are applied, but .* kept_out may not log in\. .*LOGIN"):
            call_command("migrate", json=True, stdout=heard)
        said = json.loads(heard.getvalue())
        assert said["applied"] == []
        assert "kept_out may not log in" in said["error"]["message"]
    finally:
        with as_migrator():
            execute("DROP OWNED BY kept_out")
            for kind in ("TABLES", "SEQUENCES"):
                execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM kept_out")
            execute("DROP ROLE kept_out")


def test_flush_empties_every_table_though_the_application_may_not_truncate(world: World):
    call_command("flush", interactive=False, verbosity=0)
    assert not Customer.objects.exists()
    assert execute("SELECT current_user") == [(settings.DATABASES["default"]["USER"],)]


@pytest.fixture
def pooled() -> Iterator[None]:
    connection.close()
    own = connection.settings_dict
    connection.settings_dict = {
        **own, "CONN_MAX_AGE": 0, "OPTIONS": {**own["OPTIONS"], "pool": {"min_size": 1, "max_size": 2}},
    }  # fmt: skip
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()
        connection.settings_dict = own


def test_a_pool_of_connections_keeps_no_customer(pooled: None, world: World):
    with acting_in(world.own.customer):
        assert Book.objects.count() == OWN_BOOKS
    connection.close()
    with pytest.raises(DatabaseError):
        execute("SELECT * FROM shelf_book")
    with as_migrator():
        assert execute("SELECT current_user") == [(settings.MIGRATOR_DATABASE["USER"],)]
    assert execute("SELECT current_user") == [(settings.DATABASES["default"]["USER"],)]


COPY_IN = "COPY shelf_shelf (customer_id, name) FROM STDIN"


def test_copy_from_is_refused_on_a_table_with_a_policy_and_staging_is_the_way(world: World):
    with acting_in(world.own.customer), connection.cursor() as cursor:
        with pytest.raises(FeatureNotSupported), transaction.atomic(), cursor.copy(COPY_IN) as copy:
            copy.write_row((world.own.customer.pk, "copied"))
        cursor.execute("CREATE TEMPORARY TABLE staged (name text) ON COMMIT DROP")
        with cursor.copy("COPY staged FROM STDIN") as copy:
            copy.write_row(("copied",))
        cursor.execute(
            "INSERT INTO shelf_shelf (customer_id, name) SELECT %s, name FROM staged", [world.own.customer.pk]
        )
        assert Shelf.objects.filter(name="copied").exists()


def test_counting_children_needs_the_whole_primary_key_named(world: World, monkeypatch):
    """Why the engine has features of its own: Django would group by the id alone."""
    by_shelf = Shelf.objects.annotate(n=Count("books"))
    with acting_in(world.own.customer):
        assert [shelf.n for shelf in by_shelf] == [OWN_BOOKS]
        monkeypatch.setattr(DatabaseFeatures, "allows_group_by_selected_pks_on_model", lambda *_: True)
        with pytest.raises(ProgrammingError, match="GROUP BY"), transaction.atomic():
            list(by_shelf.all())


ADD_KEY = "ALTER TABLE shelf_stamp ADD CONSTRAINT extra FOREIGN KEY (customer_id) REFERENCES tenancy_customer (id)"


def test_a_key_added_to_filled_tables_is_checked_on_every_customers_rows(world: World):
    for practice in (world.own, world.other):
        with acting_in(practice.customer):
            Stamp.objects.create(book=practice.books[0])
    with as_migrator():
        execute(ADD_KEY)
        execute("ALTER TABLE shelf_stamp DROP CONSTRAINT extra")


ADD_WRONG_KEY = "ALTER TABLE shelf_book ADD CONSTRAINT extra FOREIGN KEY (customer_id, pages) REFERENCES shelf_shelf"


def test_a_wrong_key_is_refused_though_only_another_customers_row_breaks_it(world: World):
    """Without the owner's policy the check would see one customer, and pass."""
    with acting_in(world.own.customer):
        Book.objects.update(pages=world.own.shelf.pk)
    with as_migrator():
        with pytest.raises(IntegrityError), acting_in(world.own.customer):
            execute(ADD_WRONG_KEY)
        execute("DROP POLICY migrations ON shelf_book")
        execute("DROP POLICY migrations ON shelf_shelf")
        try:
            with acting_in(world.own.customer):
                execute(ADD_WRONG_KEY)
            execute("ALTER TABLE shelf_book DROP CONSTRAINT extra")
        finally:
            for table in ("shelf_book", "shelf_shelf"):
                execute(f"CREATE POLICY migrations ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")


def test_the_policy_costs_one_check_a_query_and_none_a_row(world: World):
    """The filter's constant and the policy's setting are compared once, before any row is read."""
    with acting_in(world.own.customer):
        plan = Book.objects.filter(title="Own 1").explain()
    assert "One-Time Filter" in plan
    assert plan.count("current_setting") == 1


def test_the_migrator_connects_with_the_options_of_its_own_address(monkeypatch: pytest.MonkeyPatch):
    """`sslmode` is such an option; this one can be seen on every server."""
    monkeypatch.setitem(settings.DATABASES["default"]["OPTIONS"], "application_name", "as app")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "application_name", "as app")
    monkeypatch.setitem(settings.MIGRATOR_DATABASE, "OPTIONS", {"application_name": "as migrator"})
    with as_migrator():
        assert execute("SHOW application_name") == [("as migrator",)]
    assert execute("SHOW application_name") == [("as app",)]
