"""Whatever the bytes are, a reader reads them or says what is wrong with them."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from cardctl.errors import InputRefused
from cardctl.workbooks.contents import tables_in
from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.parsed import Request
from tests.workbooks.build import encrypted, sheet, table, xlsx

PLAIN = xlsx([["卡号", "密码"], *([f"K-{place}", "pw"] for place in range(20))])
SEALED = encrypted(PLAIN, "pw")
XML = sheet(table([["卡号", "密码"], ["K-1", "pw"]])).encode()


def parse(content):
    """All rows, or a refusal; anything else is a bug."""
    with suppress(InputRefused):
        return [row for table in tables_in([content], Request(password="pw")) for row in table.rows]


def flipped(content, flips):
    changed = bytearray(content)
    for at, bits in flips:
        changed[at % len(changed)] ^= bits
    return bytes(changed)


flips = st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1, max_size=4)


@given(st.binary(max_size=200))
def test_any_bytes(content):
    parse(content)


@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
def test_any_text(content, encoding):
    parse(content.encode(encoding, "replace"))


@given(flips)
def test_a_workbook_with_flipped_bits_reads_the_same_or_is_refused(flips):
    rows = parse(flipped(PLAIN, flips))
    # Names of parts and times are not under a checksum; the cells are.
    assert rows is None or rows == parse(PLAIN)


@settings(max_examples=8)  # deriving the key takes a quarter of a second
@given(flips)
def test_an_encrypted_workbook_with_flipped_bits_reads_the_same_or_is_refused(flips):
    rows = parse(flipped(SEALED, flips))
    assert rows is None or rows == parse(PLAIN)


@given(st.integers(0, len(PLAIN)))
def test_a_workbook_cut_anywhere(length):
    parse(PLAIN[:length])


@given(st.lists(st.integers(1, len(XML)), max_size=6))
def test_facts_of_a_sheet_do_not_depend_on_where_it_is_cut(cuts):
    whole, cut = SheetFacts(), SheetFacts()
    whole.look(XML)
    ends = sorted({*cuts, len(XML)})
    for start, end in zip([0, *ends], ends, strict=False):
        cut.look(XML[start:end])
    assert (cut.cells, cut.last_row, cut.last_column) == (whole.cells, 2, 1)
