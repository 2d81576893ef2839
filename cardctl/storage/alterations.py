"""Changes of tables that the two dialects make in different ways; migrations alone use them."""

import re

from sqlalchemy import Connection


def alters_checks(connection: Connection) -> bool:
    """Whether a check of a table can be changed; where not, a migration makes the table anew."""
    return connection.dialect.name != "sqlite"


def put_check(connection: Connection, table: str, name: str, rule: str) -> None:
    """Give a table a check, or another rule to one it has; the rows that are there must hold it.

    SQLite keeps the statement that made a table, and has no other way to change a check of a table
    that others refer to; https://www.sqlite.org/lang_altertable.html#otheralter says how.
    """
    check = f"CONSTRAINT {name} CHECK ({rule})"
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS {name}')
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ADD {check}')
        return
    query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    made = str(connection.exec_driver_sql(query, (table,)).scalar_one())
    found = re.search(rf"CONSTRAINT {name} CHECK \((?:[^()]|\([^()]*\))*\)", made)
    if found:
        changed = made[: found.start()] + check + made[found.end() :]
    else:
        changed = f"{made.rstrip().removesuffix(')').rstrip()}, {check})"
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (changed, table)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
