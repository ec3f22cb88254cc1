"""Why a backup is not made, not believed or not restored. Each says that nothing was changed, or what was."""

import os
import shlex
from pathlib import Path

from payerwatch.refusals import Kind, Refusal


class BackupKeyMissing(Refusal):
    """There is no key to seal backups with, or to open them."""

    def __init__(self) -> None:
        super().__init__(
            "There is no key for backups.",
            where="PAYERWATCH_BACKUP_KEY",
            fix="Make one with: payerwatch backup --new-key. Keep it apart from the backups, and not only here.",
        )


class BackupDirectoryMissing(Refusal):
    """The directory for backups is not there. It is not made: it may be a mount that is missing."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            "There is no such directory for backups.",
            where=str(directory),
            fix=f"Mount it; or, where it is to be on this disk, make it: {_making(directory)}",
        )


class BackupNotWritable(Refusal):
    """The backup could not be written. What was begun is gone; backups that were there before are left."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"The backup cannot be written: {error.strerror or 'an error of the disk'}.",
            where=str(path),
            fix="Name a directory with --to that this user may write to, on a disk with room.",
        )


class BackupInProgress(Refusal):
    """Another backup is being written to the same directory at this moment."""

    kind = Kind.CONFLICT

    def __init__(self, directory: Path) -> None:
        super().__init__("Another backup is being written there now.", where=str(directory), fix="Wait until it ends.")


class BackupUnreadable(Refusal):
    """The file cannot be read, or is no backup of Payerwatch."""


class BackupFormatUnknown(Refusal):
    """The backup was written by a release whose backups this one cannot read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"It is a backup of format {version}, which this release does not know.",
            fix="Use the release that made it.",
        )


class BackupUnderAnotherKey(Refusal):
    """The backup is sealed under a key that is not in PAYERWATCH_BACKUP_KEY, or its beginning was changed."""

    def __init__(self) -> None:
        super().__init__(
            "The backup is sealed under another key, or its first bytes were changed.",
            where="PAYERWATCH_BACKUP_KEY",
            fix="Put the key that it was made with behind the newest, after a comma.",
        )


class BackupChanged(Refusal):
    """The file is not as it was written: it was cut, changed, or something was appended. None of it is used."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(
            f"The backup is not as it was written: {what}.",
            where=f"From byte {at:,} on.",
            fix="Use another copy of it, or another backup.",
        )


class BackupOfAnotherKind(Refusal):
    """The backup is of PostgreSQL and the database is SQLite, or the other way round."""

    def __init__(self, vendor: str, here: str) -> None:
        super().__init__(
            f"The backup is of a {vendor} database, and DATABASE_URL names {here}.",
            fix=f"Name an empty {vendor} database in DATABASE_URL.",
        )


class BackupOfLaterRelease(Refusal):
    """The tables in the backup are those of a later release."""

    def __init__(self, unknown: list[str], build: str) -> None:
        super().__init__(
            f"The backup was made by build {build}, whose tables this release does not know.",
            where=f"Migrations: {', '.join(unknown[:5])}{' and more' if unknown[5:] else ''}.",
            fix="Use the release that made it, or a later one.",
        )


class RolesDiffer(Refusal):
    """The roles to which the backup grants its tables have other names than those in the settings."""

    def __init__(self, role: str, owner: str) -> None:
        super().__init__(
            f"The tables in the backup belong to the role {owner!r} and are granted to {role!r}.",
            where="DATABASE_URL and MIGRATOR_DATABASE_URL",
            fix=f"Name {role} in the one and {owner} in the other. Roles are renamed with ALTER ROLE afterwards.",
        )


class DatabaseNotEmpty(Refusal):
    """Something is in the database into which a backup was to be restored; nothing there is ever overwritten."""

    kind = Kind.CONFLICT

    def __init__(self, where: str, found: list[str]) -> None:
        some = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if found[5:] else "")
        super().__init__(
            f"The database is not empty. There are: {some}.",
            where=where,
            fix="Restore into a new, empty database, and let the settings name that one.",
        )


class DatabaseAppeared(Refusal):
    """While a backup was restored, something else made a database where it was to be. That one is left as it is."""

    kind = Kind.CONFLICT

    def __init__(self, path: Path) -> None:
        super().__init__(
            "A database was made there by something else while the backup was restored.",
            where=str(path),
            fix="End what made it, such as a server, and move it aside with the files of its name; then restore again.",
        )


class LaterCheckpoints(Refusal):
    """Checkpoints outside the database know of entries that were written after the backup: they would be lost."""

    kind = Kind.CONFLICT

    def __init__(self, directory: Path, lost: dict[str, tuple[int, int]]) -> None:
        told = [f"{chain} had {known:,} entries, {length:,} in the backup" for chain, (length, known) in lost.items()]
        super().__init__(
            "What was done after the backup would be missing: " + "; ".join(told[:5]) + ".",
            where=str(directory),
            fix="Move the checkpoints aside and keep them: they say what is lost. Then restore again.",
        )


class CheckpointKeyDiffers(Refusal):
    """The checkpoints in the backup are signed with another key than the one that is in place, or none is."""

    kind = Kind.CONFLICT

    def __init__(self, place: Path, signed_with: str, in_place: str) -> None:
        there = f"the key there is {in_place}" if in_place else "there is no key"
        super().__init__(
            f"The checkpoints in the backup are signed with the key {signed_with}, and {there}.",
            where=str(place),
            fix="Before a restore put that key and its public half in their place. Where that key is gone, or no "
            "longer believed, let its checkpoints be kept apart: payerwatch restore FILE --checkpoints-to DIR",
        )


class CheckpointsNotApart(Refusal):
    """Checkpoints were to be kept apart in a directory that is missing, not empty, or not for this user to write to."""

    kind = Kind.CONFLICT

    def __init__(self, directory: Path) -> None:
        super().__init__(
            "The checkpoints in the backup need a directory that is there, empty, and this user's to write to.",
            where=str(directory),
            fix=f"Name another, or make it: {_making(directory)}",
        )


class BackupRoleMissing(Refusal):
    """On PostgreSQL a backup is made by a role of its own, which sees all rows."""

    def __init__(self) -> None:
        super().__init__(
            "There is no role to make backups with.",
            where="PAYERWATCH_BACKUP_DATABASE_URL",
            fix="Make it: CREATE ROLE payerwatch_backup LOGIN BYPASSRLS PASSWORD '…'; "
            "GRANT pg_read_all_data TO payerwatch_backup. Then set its address.",
        )


class BackupRoleSeesTooLittle(Refusal):
    """The role that makes backups does not see all rows or all tables: the backup would be of a part."""

    def __init__(self, role: str, why: str, fix: str) -> None:
        super().__init__(
            f"The role {role!r} {why}, so the backup would be of a part only.",
            where="PAYERWATCH_BACKUP_DATABASE_URL",
            fix=fix,
        )


class ProgramMissing(Refusal):
    """pg_dump or pg_restore is not there, or is older than the server."""

    def __init__(self, name: str, needed: int, newest: int | None) -> None:
        has = "was not found" if newest is None else f"is of PostgreSQL {newest}"
        super().__init__(
            f"{name} of PostgreSQL {needed} or newer is needed, and {name} {has}.",
            where="PATH, /usr/lib/postgresql, PAYERWATCH_POSTGRES_PROGRAMS",
            fix=f"Install postgresql-client-{needed}, or name the directory with its programs in the last of these.",
        )


class ProgramFailed(Refusal):
    """pg_dump or pg_restore ended with an error. Its own words may hold values, so only what it was is told."""

    kind = Kind.UNAVAILABLE

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} failed: {why}.", fix="Nothing of it was kept. Mend that and run it again.")


class ScratchRefused(Refusal):
    """The database in which a backup is tried could not be made."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"The role {role!r} may not make the database in which a backup is tried.",
            where="MIGRATOR_DATABASE_URL",
            fix=f"Let it, as a superuser: ALTER ROLE {role} CREATEDB",
        )


class ScratchInUse(Refusal):
    """The database in which a backup is tried could not be dropped: somebody else is connected to it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The database {name!r}, in which a backup was tried, is still there: another role is connected to it.",
            where=name,
            fix="Let whoever it is disconnect (pg_stat_activity names the role), and try again: it is dropped first.",
        )


class BackupFailsVerification(Refusal):
    """What was restored is not what the backup says that it holds, or does not hold together."""

    def __init__(self, problems: list[str], *, kept: str = "") -> None:
        more = [f"and {len(problems) - 20} more"] if problems[20:] else []
        super().__init__(
            f"The backup does not stand: {problems[0]}",
            where="\n".join([*problems[1:20], *more]),
            fix=f"Use another backup.{' ' + kept if kept else ''}",
        )
        self.problems = problems


class RestoreNotWritable(Refusal):
    """What was to be restored could not be written. What was begun is gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The backup cannot be restored: {error.strerror or 'an error of the disk'}.",
            where=str(error.filename or ""),
            fix="Nothing of it was kept. Make room there, and restore again.",
        )


def _making(directory: Path) -> str:
    """For a shell; by root, for the user that this runs as."""
    return f"install -d -m 700 -o {os.geteuid()} {shlex.quote(str(directory))}"
