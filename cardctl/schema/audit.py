"""The audit log: a chain of records a command run, append-only."""

from sqlalchemy import Index
from sqlalchemy import text as sql_text
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    big_column,
    code_column,
    id_column,
    octets_column,
    table_of,
    text_column,
)


class AuditRecord(Row, table=True):
    """One record; its mac covers the record before it and its own canonical JSON."""

    __tablename__ = "audit_record"
    __table_args__ = (
        Index("ix_audit_record_at", "at", "run_id", "seq"),
        # A run links to the runs that began last.
        Index(
            "ix_audit_record_begin",
            "at",
            "run_id",
            sqlite_where=sql_text("seq = 0"),
            postgresql_where=sql_text("seq = 0"),
        ),
    )

    run_id: int = Field(sa_column=id_column("run_id"))
    seq: int = Field(sa_column=id_column("seq"))
    """Gapless within a run, from 0."""
    at: int = Field(sa_column=big_column())
    verb: str = Field(sa_column=code_column())
    """begin, end, or the change that was made, such as `batch.import`."""
    payload: str = Field(sa_column=text_column())
    """The canonical JSON that the mac covers: who, what, links to earlier runs."""
    mac: bytes = Field(sa_column=octets_column())


audit_records = table_of(AuditRecord)
