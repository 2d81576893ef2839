"""Setup workbooks that a test fills in."""

from cardctl.workbooks.write import SheetPage, write_sheets


def write(shop, name, sheets):
    """Write a workbook of sheets, each a list of rows, the header first."""
    path = shop.folder / name
    path.unlink(missing_ok=True)
    write_sheets(path, [SheetPage(title, rows[0], rows[1:]) for title, rows in sheets.items()])
