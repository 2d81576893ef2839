"""The audit log finds whatever was edited or deleted in it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from cardctl.audit.queries import list_events
from cardctl.audit.record import Actor, begin_run
from cardctl.audit.verify import BreakKind, verify_audit
from cardctl.clock import now_ms
from cardctl.vault.key_files import read_key_file
from cardctl.vault.slots import unlock

ACTOR = Actor(os_user="wang", host="shop-1", operator=None)


@pytest.fixture
def audit_key(shop):
    key = read_key_file(shop.home / "keys" / "cardctl.key", origin="test")
    with shop.store.reading() as session:
        return unlock(session, store_id=shop.store.store_id, key=key).audit_key


@pytest.fixture
def start(shop, audit_key):
    """Begin a run; `at` counts up, as runs do."""
    moments = iter(range(1_900_000_000_000, 1_900_000_100_000))

    def begin(verb="pool.add", actor=ACTOR):
        return begin_run(
            audit_key=audit_key, verb=verb, actor=actor, at=next(moments), zone=shop.store.zone
        )

    return begin


@pytest.fixture
def check(shop, audit_key):
    def verify():
        with shop.store.reading() as session:
            return verify_audit(session, audit_key=audit_key)

    return verify


def record(shop, run, count=1, **options):
    with run.transaction(shop.store, **options) as session:
        for number in range(count):
            run.record(session, "pool.add", {"pool": f"P{number}"})


def record_and_fail(shop, run):
    with run.transaction(shop.store, final=False) as session:
        run.record(session, "pool.add", {"pool": "lost"})
        raise RuntimeError


def kinds(found):
    return {each.kind for each in found.breaks}


def test_several_pieces_of_bulk_work_are_one_chain_with_one_end(shop, start, check):
    run = start()
    with run.steps(shop.store):
        record(shop, run)
        run.finish(shop.store)
        with run.steps(shop.store):
            record(shop, run)
        assert check().unfinished == [run.code]
    found = check()
    assert (found.unfinished, found.breaks) == ([], [])


def test_a_fresh_store_has_one_whole_run(check):
    found = check()
    assert (found.runs, found.records, found.unfinished, found.breaks) == (1, 3, [], [])


def test_a_run_without_changes_leaves_no_record(shop, start, check):
    run = start()
    with run.transaction(shop.store):
        pass
    run.finish(shop.store)
    assert check().runs == 1


def test_a_dry_run_leaves_no_record_and_the_run_can_go_on(shop, start, check):
    run = start()
    record(shop, run, dry_run=True)
    assert check().runs == 1
    record(shop, run)
    assert (check().runs, check().breaks) == (2, [])


def test_a_failed_transaction_does_not_tear_the_chain(shop, start, check):
    run = start()
    record(shop, run, count=2, final=False)
    with pytest.raises(RuntimeError):
        record_and_fail(shop, run)
    record(shop, run, count=2, final=False)
    run.finish(shop.store)
    found = check()
    assert (found.breaks, found.unfinished) == ([], [])
    assert found.records == 3 + 6


def test_runs_one_after_another_link_to_one_record_each(shop, start):
    for _ in range(3):
        record(shop, start())
    begins = shop.sql("SELECT payload FROM audit_record WHERE seq = 0")
    counts = sorted(len(json.loads(body)["data"]["links"]) for (body,) in begins)
    assert counts == [0, 1, 1, 1]


def test_every_one_of_several_runs_at_once_is_linked_by_the_next(shop, start, check):
    runs = [start() for _ in range(5)]
    for run in runs:
        record(shop, run, final=False)
    for _ in range(3):
        for run in runs:
            record(shop, run, count=30, final=False)
    for run in runs:
        run.finish(shop.store)
    last = start()
    record(shop, last)
    record(shop, start())
    assert check().breaks == []
    for run in runs:
        ((body,),) = shop.sql(
            "SELECT payload FROM audit_record WHERE run_id = :run AND seq = 0", run=last.id
        )
        assert run.id in {linked for linked, _, _ in json.loads(body)["data"]["links"]}


def test_a_run_that_is_written_long_after_it_began_is_linked_all_the_same(
    shop, audit_key, check, monkeypatch
):
    """A large import is staged for minutes while many small commands come and go."""
    monkeypatch.setattr("cardctl.audit.record._LINKED_RUNS", 4)

    def begin():
        return begin_run(
            audit_key=audit_key, verb="x.y", actor=ACTOR, at=now_ms(), zone=shop.store.zone
        )

    late = begin()
    for _ in range(8):
        record(shop, begin())
    record(shop, late)
    record(shop, begin())
    shop.execute("DELETE FROM audit_record WHERE run_id = :run", run=late.id)
    assert kinds(check()) == {BreakKind.MISSING}


def test_runs_of_several_threads_stay_whole(shop, start, check):
    runs = [start() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda run: record(shop, run, count=3), runs))
    assert (check().runs, check().breaks) == (9, [])


TAMPERINGS = {
    "payload": (
        "UPDATE audit_record SET payload = replace(payload, 'P1', 'P9') WHERE run_id = :run",
        {BreakKind.EDITED},
    ),
    "verb": (
        "UPDATE audit_record SET verb = 'pool.list' WHERE run_id = :run AND seq = 2",
        {BreakKind.EDITED},
    ),
    "time": (
        "UPDATE audit_record SET at = at + 1 WHERE run_id = :run AND seq = 2",
        {BreakKind.EDITED},
    ),
    "junk": (
        "UPDATE audit_record SET payload = 'junk' WHERE run_id = :run AND seq = 0",
        {BreakKind.EDITED},
    ),
    "first record": (
        "DELETE FROM audit_record WHERE run_id = :run AND seq = 0",
        {BreakKind.NO_BEGIN},
    ),
    "middle record": (
        "DELETE FROM audit_record WHERE run_id = :run AND seq = 2",
        {BreakKind.GAP},
    ),
    "last record": (
        "DELETE FROM audit_record WHERE run_id = :run AND seq = 4",
        {BreakKind.MISSING},
    ),
    "last two records": (
        "DELETE FROM audit_record WHERE run_id = :run AND seq >= 3",
        {BreakKind.MISSING},
    ),
    "whole run": ("DELETE FROM audit_record WHERE run_id = :run", {BreakKind.MISSING}),
    "everything before": (
        "DELETE FROM audit_record WHERE run_id <= :run",
        {BreakKind.MISSING, BreakKind.NO_FIRST_RUN},
    ),
    "moved to another run": (
        "UPDATE audit_record SET run_id = 7 WHERE run_id = :run",
        {BreakKind.EDITED, BreakKind.MISSING},
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found(shop, start, check, name):
    statement, expected = TAMPERINGS[name]
    run = start()
    record(shop, run, count=3)
    record(shop, start())
    assert check().breaks == []
    assert shop.execute(statement, run=run.id) > 0
    assert kinds(check()) == expected
    shop.run("audit verify", status=8)


def test_an_empty_log_is_no_pass(shop, check):
    shop.execute("DELETE FROM audit_record")
    assert kinds(check()) == {BreakKind.NO_FIRST_RUN}


def test_a_second_beginning_is_found(shop, start, check):
    shop.execute("DELETE FROM audit_record")
    record(shop, start())
    assert kinds(check()) == {BreakKind.SECOND_FIRST_RUN}


def test_records_exchanged_between_runs_are_found(shop, start, check):
    first, second = start(), start()
    record(shop, first)
    record(shop, second)
    for run, other in ((first.id, -1), (second.id, first.id), (-1, second.id)):
        shop.execute(
            "UPDATE audit_record SET run_id = :other WHERE run_id = :run AND seq = 1",
            run=run,
            other=other,
        )
    assert BreakKind.EDITED in kinds(check())


def test_a_killed_run_is_unfinished_and_not_broken(shop, start, check):
    killed = start()
    record(shop, killed, final=False)
    assert check().unfinished == [killed.code]
    record(shop, start())
    found = check()
    assert (found.unfinished, found.breaks) == ([killed.code], [])


def test_tampering_does_not_stop_later_runs(shop, start):
    run = start()
    record(shop, run)
    shop.execute("UPDATE audit_record SET payload = '[]' WHERE run_id = :run", run=run.id)
    record(shop, start())


def test_the_list_is_filtered_by_time_actor_and_verb(shop, start):
    early = start(actor=Actor(os_user="li", host="shop-2", operator="李"))
    record(shop, early, count=2)
    late = start()
    record(shop, late)
    with shop.store.reading() as session:
        everything = list_events(session)
        assert [event.verb for event in everything] == ["init", *["pool.add"] * 3]
        assert [event.run for event in list_events(session, since=late.at)] == [late.code]
        for name in ("li", "李", "li@shop-2"):
            assert {event.run for event in list_events(session, actor=name)} == {early.code}
        assert list_events(session, actor="nobody") == []
        assert len(list_events(session, verb="pool")) == 3
        assert list_events(session, verb="pool.ad") == []
        assert [event.seq for event in list_events(session, verb="begin")] == [0, 0, 0]


def test_the_commands_show_what_was_done(shop):
    listed = shop.run("audit list --json").json
    assert [event["verb"] for event in listed] == ["init"]
    assert listed[0]["details"]["slots"][0]["scope"] == "full"
    assert shop.run("audit verify --json").json == {
        "runs": 1,
        "records": 3,
        "unfinished": [],
        "breaks": [],
    }
