"""What a database says its tables are, in a form that can be compared line by line."""

from sqlalchemy import Connection, Engine

_COLUMNS = """
SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, pg_get_expr(d.adbin, d.adrelid)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
 ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
"""
_INDEXES = """
SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class c ON c.oid = indexrelid
 WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""
_REST = """
SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal
 UNION ALL
SELECT relkind::text, relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'p', 'i', 'I')
 ORDER BY 1, 2
"""


def definitions(engine: Engine) -> list[str]:
    """Every column, constraint, index, trigger and sequence, but for Alembic's own table."""
    with engine.connect() as connection:
        read = _of_sqlite if engine.dialect.name == "sqlite" else _of_postgres
        return [line for line in read(connection) if "alembic_version" not in line]


def _of_sqlite(connection: Connection) -> list[str]:
    """SQLite keeps the statements; within a table only the order of constraints is free.

    A column that was added stands on the line of the one before it, a table that was renamed in
    quotes: neither makes a difference.
    """
    lines = []
    for kind, table, statement in connection.exec_driver_sql(
        "SELECT type, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    ):
        parts = _parts(statement.replace('"', ""))
        columns = [part for part in parts if not part.startswith("CONSTRAINT")]
        constraints = sorted(part for part in parts if part.startswith("CONSTRAINT"))
        lines += [f"{kind} {table}: {part}" for part in [*columns, *constraints]]
    return lines


def _parts(statement: str) -> list[str]:
    """What stands before the outer brackets, what commas part within them, and what follows."""
    depth, parts = 0, [""]
    for character in statement:
        depth -= character == ")"
        if (character == "," and depth == 1) or (character in "()" and depth == 0):
            parts.append("")
        else:
            parts[-1] += character
        depth += character == "("
    return [part for words in parts if (part := " ".join(words.split()))]


def _of_postgres(connection: Connection) -> list[str]:
    return [
        " ".join(map(str, row))
        for statement in (_COLUMNS, _CONSTRAINTS, _INDEXES, _REST)
        for row in connection.exec_driver_sql(statement)
    ]
