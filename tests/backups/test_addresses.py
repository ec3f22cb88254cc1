"""Which address of the database a command needs: the one for backups has no part in a restore."""

from pathlib import Path

import pytest

from payerwatch.config.backup_keys import new_backup_key
from tests.operations.test_command_line import error_of, run

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("command", "code"),
    [(("restore", "missing.backup"), "backup_unreadable"), (("backup", "--to", "."), "settings_unusable")],
    ids=["restore", "backup"],
)
def test_that_the_address_for_backups_names_another_database_keeps_backups_alone_from_being_made(
    tmp_path: Path, command: tuple[str, ...], code: str
):
    server = "%2Fnowhere"
    changes = {
        "DATABASE_URL": f"postgresql://app@{server}/restored",
        "MIGRATOR_DATABASE_URL": f"postgresql://migrator@{server}/restored",
        "PAYERWATCH_BACKUP_DATABASE_URL": f"postgresql://backup@{server}/before",
        "PAYERWATCH_BACKUP_KEY": new_backup_key(),
    }
    error = error_of(run(tmp_path, *command, "--json", **changes), 1)
    assert error["code"] == code
    assert ("names the database 'before'" in error["message"]) is (code == "settings_unusable")
