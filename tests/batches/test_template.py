"""The workbook that a supplier fills in: it says what belongs where, and its example is no key."""

import openpyxl
import pytest

KINDS = {
    "VIP": ("code", ["K-1"]),
    "CARDP": ("card", ["N-1", "pw"]),
    "ACC": ("account", ["user", "pw", "dog", "a@b.c"]),
    "LNK": ("link", ["https://example.com/k1"]),
}


@pytest.fixture
def catalogue(shop):
    shop.seed_catalog()
    shop.run("product add ACC --name 账号 --kind account --field 密保 --field 邮箱")
    shop.run("product add LNK --name 链接 --kind link")
    return shop


def import_template(shop, sku, *more, status=0):
    line = ["batch", "import", "t.xlsx", "--product", sku, "--supplier", "SUP", "--json", *more]
    return shop.run(line, status=status).json


@pytest.mark.parametrize("sku", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_it_is_filled_in_and_imported_without_its_example(catalogue, sku, language):
    written = catalogue.run(f"--lang {language} batch template --product {sku} --out t.xlsx --json")
    untouched = import_template(catalogue, sku, status=3)
    assert [reject["code"] for reject in untouched["rejects"]] == ["example-row"]
    path = catalogue.folder / "t.xlsx"
    book = openpyxl.load_workbook(path)
    headings = [cell.value for cell in book.active[1]]
    assert headings == written.json["columns"]
    notes = book.active.data_validations.dataValidation
    assert len(notes) == len(headings)
    assert all(note.prompt and note.showInputMessage for note in notes)
    _, key = KINDS[sku]
    book.active.append([*key, "2099-12-31", "12.50", "s1", "n"])
    assert {cell.number_format for cell in book.active[2] if cell.value} == {"@"}
    book.save(path)
    refused = import_template(catalogue, sku, status=3)
    assert [reject["row"] for reject in refused["rejects"]] == [2]
    done = import_template(catalogue, sku, "--skip-bad-rows", status=8)
    assert (done["imported"], done["rejected"], done["cost_fen"]) == (1, 1, 1250)
    book.active.delete_rows(2)
    path.unlink()
    book.save(path)
    catalogue.run(f"batch undo {done['batch']} --reason x --yes")
    assert import_template(catalogue, sku)["imported"] == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_it_is_a_workbook_and_written_over_only_with_yes(catalogue):
    catalogue.run("batch template --product VIP --out t.csv", status=2)
    catalogue.run("batch template --product NONE --out t.xlsx", status=4)
    catalogue.run("batch template --out t.xlsx")
    catalogue.run("batch template --out t.xlsx", status=5)
    again = catalogue.run("batch template --product VIP --out t.xlsx --yes --json").json
    assert (again["file"], again["product"]) == ("t.xlsx", "VIP")
    assert [path.name for path in catalogue.folder.iterdir()] == ["t.xlsx"]
