"""One run of a job at a time: who comes second is told so, and does not wait.

It spares two runs each other's work and keeps their figures true. What must not happen twice is
kept from it by constraints, whoever holds the lock. A run that is killed lets go of it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Engine

from cardctl.errors import CardctlError, ExitStatus
from cardctl.storage.dialects import file_of, server_lock
from cardctl.storage.failures import StoreUnopenable, named_failures
from cardctl.storage.store import Store


class JobRunning(CardctlError):
    """Another run of the job is at work."""

    code = "job-running"
    exit_status = ExitStatus.JOB_RUNNING
    message = "another command is at work on {job}; nothing was done"
    hint = "wait until it has ended, then run the same command again"


@contextmanager
def job_lock(store: Store, job: str) -> Iterator[None]:
    """Be the only run of a job of a store until the block ends; raises `JobRunning` at once."""
    assert isinstance(store.engine, Engine)
    key = blake2b(f"{store.store_id}\n{job}".encode(), digest_size=8).digest()
    path = file_of(store.engine.url)
    if path is None:
        with named_failures(store.name), server_lock(store.engine, key) as alone:
            if not alone:
                raise JobRunning(job=job)
            yield
        return
    beside = path.resolve()
    lock_path = beside.with_name(f"{beside.name}-{key.hex()}.lock")
    try:
        descriptor = _lock_file(lock_path)
    except BlockingIOError:
        raise JobRunning(job=job) from None
    except OSError as error:
        raise StoreUnopenable(store=store.name, reason=error.strerror) from None
    try:
        yield
    finally:
        # Still held: nobody else has it open and takes it for the lock.
        with suppress(OSError):
            lock_path.unlink()
        os.close(descriptor)


def _lock_file(path: Path) -> int:
    """The locked descriptor of a file that is there still; raises BlockingIOError if it is held."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever held it took the file away between our two steps.
        os.close(descriptor)
