"""One dialect and one cache of compiled statements for all the engines of a process.

A command is a process of its own and compiles each of its statements once. The tests run thousands
of commands in one process: with an engine each they would compile the same statements all day.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine


def sharing(create: Callable[..., Engine]) -> Callable[..., Engine]:
    """A `create_engine` whose engines of one database share what does not belong to one store."""
    first: dict[str, Engine] = {}

    def make(*arguments: Any, **options: Any) -> Engine:
        engine: Any = create(*arguments, **options)
        known: Any = first.get(engine.dialect.name)
        # A dialect learns what its server is like with the first connection.
        if known is None or not hasattr(known.dialect, "server_version_info"):
            first[engine.dialect.name] = engine
            return engine
        engine.dialect = engine.pool._dialect = known.dialect
        engine._compiled_cache = known._compiled_cache
        return engine

    return make
