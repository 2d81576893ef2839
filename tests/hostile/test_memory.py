"""The worst files: the process that reads stays below 512 MiB, and comes to an end.

Measured is the command with its reader: the command itself takes some 70 MiB, whatever it reads.
"""

import pytest

from tests.hostile.files import CORPUS, Hostile
from tests.support.measure import measure
from tests.workbooks import zips

MOST_MB = 512 + 90
IMPORT = "batch import odd.bin --product VIP --supplier SUP --cost 1 --expires never --no-input"

WORST = {
    **{
        name: CORPUS[name]
        for name in (
            "scattered cells",
            "one giant text in every cell",
            "a bomb of strings",
            "columns without end",
            "one line of ten megabytes",
        )
    },
    "long rows": Hostile(lambda: b"code\n" + (b"x" * 500_000 + b"\n") * 120),
    "a giant text in a zip": Hostile(
        lambda: zips.packed({"a.csv": b"code\n" + b"K-1111,K-2222\n" * 5_000_000})
    ),
}


IN_THE_SUITE = {"one giant text in every cell"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in IN_THE_SUITE else pytest.mark.prove) for name in WORST],
)
def test_a_reader_stays_below_its_limit(shop, name):
    shop.seed_catalog()
    (shop.folder / "odd.bin").write_bytes(WORST[name].make())
    measured = measure(shop.spawn(IMPORT, afresh=True), status=3)
    assert measured.peak_mb < MOST_MB
    print(f"\n{name}: {measured.peak_mb:.0f} MB, {measured.seconds:.1f} s")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(IMPORT.replace("odd.bin", "-"), marks=pytest.mark.prove),
        pytest.param("order issue -", marks=pytest.mark.prove),
        "card find -",
    ],
)
def test_a_stream_without_an_end_comes_to_one(shop, line):
    shop.seed_catalog()
    with open("/dev/zero", "rb") as zeros:  # noqa: PTH123 -- a device, for the process to read
        process = shop.spawn(line, afresh=True, stdin=zeros)
        measured = measure(process, status=None)
    assert process.returncode in {2, 3, 4}
    assert measured.peak_mb < MOST_MB
