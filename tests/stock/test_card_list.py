"""Lists of cards that a file or stdin brings: tables, plain lines, and what is wrong with them."""

import json

import pytest

from cardctl.identifiers import card_code
from cardctl.workbooks.write import write_workbook


@pytest.fixture
def names(shop):
    """The names of three cards."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2", "MADE-UP-3"])
    return [card_code(*row) for row in shop.sql("SELECT bucket, id FROM card ORDER BY id")]


def void(shop, path, *more, stdin="", status=0):
    line = ["card", "void", "--from", path, "--yes", "--json", *more]
    return shop.run(line, stdin=stdin, status=status)


@pytest.mark.parametrize("heading", ["id", "card", "卡密编号", "卡密", "Card ID"])
def test_a_table_names_the_column(shop, names, heading):
    rows = [[name, "dead"] for name in names]
    write_workbook(shop.folder / "dead.xlsx", header=[heading, "why"], rows=rows)
    assert void(shop, "dead.xlsx").json["cards"] == 3


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_plain_list_has_a_name_a_line(shop, names, end):
    text = end.join([names[0].lower(), names[1], names[1], names[2], ""])
    assert void(shop, "-", stdin=text).json["cards"] == 3


def test_one_name_is_a_list(shop, names):
    assert void(shop, "-", stdin=names[0]).json["cards"] == 1


def test_what_the_shop_wrote_itself_comes_in_again(shop, names):
    for path, language in (("en.csv", "en"), ("zh.xlsx", "zh")):
        line = ["card", "find", "-", "--out", path, "--lang", language]
        shop.run(line, stdin="MADE-UP-1")
        frozen = shop.run(["card", "freeze", "--from", path, "--reason", "try", "--json"]).json
        assert frozen["cards"] + frozen["unchanged"] == 1


def test_bad_rows_are_told_by_their_numbers_and_never_repeated(shop, names):
    text = f"id\n{names[0]}\nA-SECRET-NUMBER-01\n{names[1]}\nA-SECRET-NUMBER-02\n"
    refused = void(shop, "-", stdin=text, status=3)
    error = json.loads(refused.stderr)["error"]
    assert error["code"] == "rows-refused"
    assert error["details"]["rejects"] == [
        {"row": 3, "code": "bad-value"},
        {"row": 5, "code": "bad-value"},
    ]
    assert "SECRET" not in refused.stdout + refused.stderr
    assert shop.sql("SELECT count(*) FROM card WHERE status = 'void'") == [(0,)]


def test_a_file_of_keys_is_no_list_of_cards_and_not_repeated(shop, names):
    refused = void(shop, "-", stdin="A-SECRET-1\nA-SECRET-2\n", status=3)
    assert "header-missing" in refused.stderr
    assert "SECRET" not in refused.stderr
    void(shop, "-", stdin="id\n", status=3)
    void(shop, "-", stdin="", status=3)
    void(shop, "missing.csv", status=4)


def test_cards_that_are_not_there_are_named_all_at_once(shop, names):
    missing = [card_code(1, place) for place in (5, 6)]
    refused = void(shop, "-", stdin="\n".join([*missing, *names]), status=4)
    assert all(name in refused.stderr for name in missing)
    assert shop.sql("SELECT count(*) FROM card WHERE status = 'void'") == [(0,)]


def test_cards_are_named_on_the_line_or_in_a_file(shop, names):
    for line in (
        "card void --yes",
        f"card void {names[0]} --from x.csv --yes",
        "card freeze --reason try",
        "card unfreeze",
        "card update --yes",
        f"card update {names[0]} --from x.csv --yes",
        "card update --from x.csv --secret-source env:X --yes",
    ):
        assert "cards-or-file" in shop.run(line, status=2).stderr
