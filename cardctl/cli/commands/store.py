"""store: bring a store to this program's version, and check it."""

from zoneinfo import ZoneInfo

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus
from cardctl.settings import hide_password

noun = Noun("store")

MIGRATION = (
    Column("store", "store"),
    Column("status", "status"),
    Column("version_before", "version before"),
    Column("version_after", "version after"),
)
PROBLEM = (Column("code", "problem"), Column("about", "about"))
CHECK = (
    Column("store", "store"),
    Column("status", "status"),
    Column("store_id", "store id"),
    Column("version", "version"),
    Column("timezone", "time zone"),
    Column("language", "language"),
    Column("created_at", "created"),
    Column("tables", "tables"),
    Column("problems", "problems", of=PROBLEM),
)


@noun.verb(
    "migrate",
    writes=True,
    examples=("cardctl store migrate --dry-run", "cardctl store migrate"),
    columns=MIGRATION,
)
def migrate(context: Context) -> None:
    """Bring an older store to this program's version."""
    from cardctl.storage.migrate import migrate_store

    url = context.settings.store
    before, after = migrate_store(url, dry_run=context.dry_run)
    migration = {
        "store": hide_password(url),
        "status": "unchanged" if before == after else "migrated",
        "version_before": before,
        "version_after": after,
    }
    context.show(migration, MIGRATION, zone=ZoneInfo("UTC"))


@noun.verb("check", examples=("cardctl store check", "cardctl store check --json"))
def check(context: Context) -> None:
    """Check that the store is whole and its schema is ours."""
    from cardctl.upkeep.check_store import check_store

    with context.reading() as session:
        found = check_store(session)
    shown = {
        "store": context.store.name,
        "status": "problems" if found.problems else "whole",
        **{column.name: getattr(found, column.name) for column in CHECK[2:]},
    }
    status = ExitStatus.NEEDS_PERSON if found.problems else ExitStatus.DONE
    context.show(shown, CHECK, status=status)
