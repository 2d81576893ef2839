"""No bytes make a command crash, hang, tell a secret or leave something behind.

The suite shows each reader a part of the corpus; `make prove` shows all of it to all of them, and
to the import of keys on both databases and in both languages.
"""

import time

import pytest

from cardctl.errors import ExitStatus
from sample_data.order_lists import taobao
from tests.hostile.files import CORPUS, SECRET
from tests.hostile.readers import LINES, OTHERS, TABLES
from tests.support.clear_text import files_holding
from tests.workbooks import old

LONGEST_S = 60
WRITTEN = ("cardctl.db", "cardctl.db-wal", "cardctl.db-shm", "config.toml")
STORED = (
    *("card", "batch", "orders", "order_line", "product", "supplier", "channel", "account"),
    *("pool", "journal_entry"),
)
CONTRACT = {int(status) for status in ExitStatus} - {int(ExitStatus.BUG)}


@pytest.fixture
def watched(shop):
    """A shop with goods, and a check that nothing has changed which should not have."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"GOOD-{place:04d}" for place in range(5)])
    # The older protection: its password is tried at once, that of an xlsx a quarter of a second.
    sealed = old.sealed_rc4({"S": old.table([["兑换码"], ["GOOD-9999"]])}, "made-up-pw")
    (shop.folder / "sealed.xls").write_bytes(sealed)
    (shop.folder / "list.csv").write_bytes(taobao().as_text())
    return shop


def stored(shop):
    """How much of everything there is."""
    return [shop.sql(f"SELECT count(*) FROM {name}")[0][0] for name in STORED]


def files(shop):
    """Every file below the shop, but for those a command is meant to write."""
    found = {path for path in shop.home.parent.rglob("*") if path.is_file()}
    return {path for path in found if path.parent != shop.home or path.name not in WRITTEN}


def try_out(shop, reader, name, content, *, lang="en", may_take=True):
    """Feed the bytes, and look at all that must not be."""
    before, kept = stored(shop), files(shop)
    begun = time.monotonic()
    shop.env["CARDCTL_LANG"] = lang
    result = reader.feed(shop, content)
    told = f"{reader.line} < {name}: {result}"
    assert result.bug is None, told
    assert result.status in reader.ends, told
    assert result.status in CONTRACT
    assert time.monotonic() - begun < LONGEST_S, told
    assert "Traceback" not in result.stdout + result.stderr, told
    assert SECRET not in result.stdout + result.stderr, told
    assert files(shop) == kept, told
    if result.status not in {0, 8} or not may_take:
        assert stored(shop) == before, told
    return result


def test_the_corpus_holds_what_the_issue_asks_for():
    assert len(CORPUS) >= 40
    assert all(content.make for content in CORPUS.values())


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_import_of_keys_meets_a_part_of_the_corpus(watched):
    meet(watched, list(CORPUS)[::4], "en")


@pytest.mark.prove
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_import_of_keys_meets_the_whole_corpus(watched, lang):
    meet(watched, CORPUS, lang)


def meet(shop, names, lang):
    for name in names:
        hostile = CORPUS[name]
        takes = hostile.takeable
        reader = TABLES["batch import"]
        result = try_out(shop, reader, name, hostile.make(), lang=lang, may_take=takes)
        if not takes:
            assert result.status == int(ExitStatus.INPUT_REFUSED), (name, str(result))
        assert not list(files_holding([SECRET], [shop.home, shop.temporary])), name


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [name for name in TABLES if name != "batch import"])
def test_every_reader_of_tables_meets_a_part_of_it(watched, name):
    place = list(TABLES).index(name)
    for case in list(CORPUS)[place :: 6 * len(TABLES)]:
        try_out(watched, TABLES[name], case, CORPUS[case].make())


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", OTHERS)
def test_every_reader_of_lines_keys_and_settings(watched, name):
    for place, (case, content) in enumerate(LINES.items()):
        if place % 4 == list(OTHERS).index(name) % 4:
            try_out(watched, OTHERS[name], case, content, lang="zh" if place % 2 else "en")


@pytest.mark.prove
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [*TABLES, *OTHERS])
def test_every_reader_meets_everything(watched, name):
    reader = {**TABLES, **OTHERS}[name]
    made = {name: hostile.make() for name, hostile in CORPUS.items()}
    for place, (case, content) in enumerate((made | LINES).items()):
        try_out(watched, reader, case, content, lang="zh" if place % 2 else "en")
