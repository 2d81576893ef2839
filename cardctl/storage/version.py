"""The version of a store's schema, read by plain SQL: starting must not import Alembic."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import Session

MIGRATIONS = Path(__file__).parent / "migrations"


def known_versions() -> set[str]:
    """The versions this program can migrate from: the numbers its migrations begin with."""
    return {path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def head_version() -> str:
    """The newest version this program knows."""
    return max(known_versions())


def stored_version(session: Session) -> str | None:
    """The version a store has, or None when it has no schema at all."""
    try:
        found = session.connection().execute(text("SELECT version_num FROM alembic_version"))
        return found.scalar_one_or_none()
    except (OperationalError, ProgrammingError) as error:
        if "alembic_version" in str(error.orig):
            return None
        raise
