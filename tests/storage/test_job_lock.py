"""Only one run of a job is at work; a killed one does not keep the next from it."""

import signal
import subprocess
import sys
import time

import pytest

from cardctl.storage.job_lock import JobRunning, job_lock

HOLD = """
import os, sys, time
from cardctl.storage.job_lock import job_lock
from cardctl.storage.store import open_store
with job_lock(open_store(os.environ["CARDCTL_STORE"]), "plan A"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(shop):
    """A process that holds the lock of `plan A`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], env=shop.env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_told_at_once_and_a_killed_one_lets_go(shop, holder):
    with pytest.raises(JobRunning), job_lock(shop.store, "plan A"):
        pass
    with job_lock(shop.store, "plan B"):
        pass

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    wait_until_free(shop, "plan A")
    with (
        job_lock(shop.store, "plan A"),
        pytest.raises(JobRunning),
        job_lock(shop.store, "plan A"),
    ):
        pass


def wait_until_free(shop, job):
    """A server takes a moment to see that a connection is gone."""
    for _ in range(100):
        try:
            with job_lock(shop.store, job):
                return
        except JobRunning:
            time.sleep(0.05)
    raise AssertionError(job)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nothing_is_left_beside_the_store(shop):
    before = set(shop.home.iterdir())
    with job_lock(shop.store, "plan A"):
        assert len(set(shop.home.iterdir()) - before) == 1
    assert set(shop.home.iterdir()) == before
