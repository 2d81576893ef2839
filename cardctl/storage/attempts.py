"""Do the work of a transaction again when a race rolled it back."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from sqlmodel import Session

from cardctl.storage.failures import TransactionRaced

ATTEMPTS = 5

Result = TypeVar("Result")


def attempt(
    transaction: Callable[[], AbstractContextManager[Session]], work: Callable[[Session], Result]
) -> Result:
    """What `work` makes of a transaction that is committed; raises what the last try raises."""
    for _ in range(ATTEMPTS - 1):
        with suppress(TransactionRaced), transaction() as session:
            return work(session)
    with transaction() as session:
        return work(session)
