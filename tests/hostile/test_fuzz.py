"""Valid files, changed at random: a reader reads them or says what is wrong, whatever is left.

In this process, by what the child runs, so that each attempt takes a millisecond; `make prove` goes
through the child too, and on for longer.
"""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cardctl.errors import CardctlError, InputRefused
from cardctl.settings import load_settings
from cardctl.vault.slot_key import parse_slot_key
from cardctl.workbooks.contents import tables_in
from cardctl.workbooks.extent import MAX_COLUMNS
from cardctl.workbooks.parsed import Request
from cardctl.workbooks.read import Source, open_tables
from cardctl.workbooks.records import scan_sheets
from tests.hostile.files import BOOK, JSONL, OLD_BOOK, PASSWORD, PASTED, TEXT
from tests.workbooks import old, zips

LABELLED = "".join(f"卡号：K-{place}\n密码：S-{place}\n\n" for place in range(20)).encode()
SHEETS = {"S": old.table([["兑换码"], ["K-1111"], ["K-2222"]])}
SEEDS = {
    "xlsx": BOOK,
    "xls": OLD_BOOK,
    "xls, rc4": old.sealed_rc4(SHEETS, PASSWORD),
    "xls, cryptoapi": old.sealed_cryptoapi(SHEETS, PASSWORD),
    "xls, xor": old.sealed_xor(SHEETS, PASSWORD[:15]),
    "csv": TEXT,
    "csv, gbk": TEXT.decode().encode("gbk"),
    "jsonl": JSONL,
    "pasted": PASTED,
    "pasted, labels": LABELLED,
    "zip": zips.packed({"八月.csv": TEXT, "b.xlsx": BOOK, "c.txt": PASTED}),
    "zip, encrypted": zips.bundle({"a.csv": TEXT}, password=PASSWORD.encode()),
}
TEMPLATES = st.sampled_from([None, "{number}----{secret}", "{skip}：{secret}"])


def read(content, line=None, want="keys"):
    """All rows of all tables, or None where the file is refused; anything else is a bug."""
    found = []
    try:
        for table in tables_in([content], Request(want, PASSWORD, None, line)):
            found += [cells for _, cells in table.rows]
    except InputRefused:
        return None
    except BaseException as error:
        # So the parser gives up on some xls; the child ends of it, and the file is refused.
        if type(error).__name__ == "PanicException":
            return None
        raise
    assert all(len(cells) <= MAX_COLUMNS for cells in found)
    return found


@st.composite
def mutants(draw, content):
    """The content with bytes flipped, cut out, doubled, put in, or taken from elsewhere in it."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(changed) - 1, 0)))
        length = draw(st.sampled_from([1, 2, 4, 16, 100]))
        how = draw(st.sampled_from(["flip", "cut", "double", "insert", "splice", "end"]))
        if how == "flip" and changed:
            changed[at] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del changed[at : at + length]
        elif how == "double":
            changed[at:at] = changed[at : at + length]
        elif how == "insert":
            changed[at:at] = draw(st.binary(max_size=length))
        elif how == "splice":
            start = draw(st.integers(0, len(content)))
            changed[at : at + length] = content[start : start + length]
        elif how == "end":
            del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_changed_file_is_read_or_refused(seed, data):
    read(data.draw(mutants(SEEDS[seed])), data.draw(TEMPLATES))


@given(mutants(old.stream(SHEETS)))
def test_the_records_of_an_xls_are_walked_whatever_they_say(stream):
    with suppress(InputRefused):
        scan_sheets(stream)


@given(st.text(max_size=400), TEMPLATES, st.sampled_from(["table", "keys", "sheets"]))
def test_any_text(text, line, want):
    read(text.encode("utf-8", "replace"), line, want)


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=60)), max_size=6))
@example([("\x00", b"")])
def test_a_zip_of_anything(members):
    with suppress(UnicodeEncodeError):
        read(zips.bundle({name: content for name, content in members if name}))


@given(st.text(max_size=200))
def test_any_key_and_any_code_of_recovery(text):
    with suppress(CardctlError):
        parse_slot_key(text, origin="file:x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=mutants(b'store = "sqlite:///x.db"\n[profiles.a]\nlanguage = "zh"\n'))
def test_any_configuration(tmp_path, content):
    (tmp_path / "config.toml").write_bytes(content)
    with suppress(CardctlError):
        load_settings({}, {"CARDCTL_HOME": str(tmp_path)}, tmp_path)


class Typed:
    """A password as the reader takes it."""

    def reveal(self):
        return PASSWORD


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_child_survives_changed_files(tmp_path, seed, data):
    path = tmp_path / "odd.bin"
    path.write_bytes(data.draw(mutants(SEEDS[seed])))
    with suppress(InputRefused), open_tables(Source.of(str(path)), password=Typed()) as tables:
        for table in tables:
            list(table.rows)


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=1500, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_changed_file_is_read_or_refused_at_length(seed, data):
    read(data.draw(mutants(SEEDS[seed])), data.draw(TEMPLATES))
