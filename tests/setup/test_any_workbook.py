"""Whatever a setup workbook says, it is refused by its places, or taken and then unchanged."""

from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardctl.audit.record import Actor, begin_run
from cardctl.clock import now_ms
from cardctl.setup.import_setup import import_setup
from cardctl.setup.nouns import SHEETS
from cardctl.setup.read import read_setup
from cardctl.storage.store import writing
from cardctl.vocabulary import ImportStatus
from cardctl.workbooks.cells import MergedCells, NotText, Row, SkippedLines
from cardctl.workbooks.read import Table
from tests.support.vaults import unlock_with_key_file

GOOD = {
    "sku": ["A", "B", "VIP", "CARDP"],
    "supplier": ["SUP"],
    "their_name": ["a", "A ", "会员", "b c"],
    "channel": ["TB"],
    "variant": ["月卡", " 月 卡", "年卡"],
    "accounts": ["WX"],
    "pools": ["main", "main,kept"],
    "code": ["A", "B", "SUP", "S2", "TB", "C2", "WX", "main", "kept"],
    "name": ["x", "名称", "=1+1"],
    "product kind": ["code", "card", "账号", "组合"],
    "components": ["A=1", "VIP=2，CARDP=1"],
    "email_secret": ["text", "加密附件"],
    "account kind": ["微信", "bank"],
    "channel kind": ["taobao", "自有"],
    "tier": ["brand", "授权"],
    "fields": ["密保", "密保，邮箱"],
    "pattern": ["[A-Z]+", "x{3}"],
    "fold_case": ["yes", "否"],
    "fold_hyphens": ["no", "是"],
    "regions": ["CN", "cn,HK"],
    "guide": ["第一步", "-- 看"],
    "duration": ["1m"],
    "key_space": ["shared", "own"],
    "statement_formats": ["a", "b,a"],
}
NUMBERS = ["0", "1", "28", "30"]
RATES = ["92%", "0.6%"]
ODD = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["-", "-", "main", "NONE"]),
    st.builds(
        NotText,
        st.sampled_from(["number", "date", "boolean", "error", "formula"]),
        st.sampled_from(["1", "28.5", "1e9", "2027-01-01", "True", "#N/A", "1234567890123456"]),
    ),
)


def cells_of(sheet, column):
    """What stands in a cell: seldom something odd, often nothing."""
    rates = RATES if column.name.endswith("_bp") else NUMBERS
    known = GOOD.get(f"{sheet.noun} {column.name}") or GOOD.get(column.name, rates)
    good = st.sampled_from(known)
    return seldom(ODD, good if needed(sheet, column) else st.one_of(st.just(""), good))


def needed(sheet, column):
    return column.name in sheet.key or column.required


def seldom(odd, usual):
    return st.sampled_from([False] * 40 + [True]).flatmap(lambda one: odd if one else usual)


@st.composite
def tables(draw, sheet):
    """A sheet of a noun, seldom of none: its columns, some rows, seldom merged cells."""
    columns = [column for column in sheet.fields if needed(sheet, column) or draw(st.booleans())]
    headers = [draw(st.sampled_from(column.names)) for column in columns]
    row = st.tuples(*(cells_of(sheet, column) for column in columns)).map(list)
    rows = draw(st.lists(row, max_size=3, unique_by=lambda cells: str(cells[: len(sheet.key)])))
    name = draw(seldom(st.sampled_from(["notes", "Sheet1"]), st.sampled_from(sheet.names)))
    merged = draw(seldom(st.just((MergedCells(2, 0, 3, 1),)), st.just(())))
    return Table(
        format="xlsx",
        sheet=name,
        alone=False,
        member="",
        warnings=(),
        merged=merged,
        encrypted=False,
        rows=iter([Row(number, cells) for number, cells in enumerate([headers, *rows], 1)]),
        skipped=SkippedLines(),
    )


workbooks = st.lists(st.sampled_from(SHEETS), max_size=6, unique_by=lambda one: one.noun).flatmap(
    lambda sheets: st.tuples(*map(tables, sheets))
)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_tables=workbooks)
def test_it_is_refused_or_taken_and_then_unchanged(stocked, monkeypatch, given_tables):

    @contextmanager
    def opened(_source, *, password=None):
        yield iter(given_tables)

    monkeypatch.setattr("cardctl.setup.read.open_sheets", opened)
    file = read_setup(type("Source", (), {"name": "any.xlsx"}))
    with writing(stocked.store.engine, dry_run=True) as session:
        before = changed_rows(session)
        first = import_setup(session, run=stocked.begin(), file=file)
        if first.status is ImportStatus.REFUSED:
            assert first.rejects
            assert changed_rows(session) == before
            return
        again = import_setup(session, run=stocked.begin(), file=file)

    assert (again.status, again.changes) == (ImportStatus.UNCHANGED, ())
    assert sum(noun.added + noun.changed for noun in first.nouns) == len(first.changes)


def changed_rows(session):
    """How many rows the connection has changed so far."""
    return session.connection().connection.driver_connection.total_changes


@pytest.fixture
def stocked(shop):
    """A shop with a catalogue and a card, and runs to change it with."""
    shop.seed_catalog()
    shop.run("pool add kept --channel TB")
    shop.import_codes("VIP", ["K-1"])
    vault = unlock_with_key_file(shop)
    shop.begin = lambda: begin_run(
        audit_key=vault.audit_key,
        verb="setup.import",
        actor=Actor(os_user="li", host="shop", operator=None),
        at=now_ms(),
        zone=shop.store.zone,
    )
    return shop
