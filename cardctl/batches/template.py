"""An empty workbook for a supplier to fill in; every column is text."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session

from cardctl.batches.columns import template_headings
from cardctl.errors import NotFound
from cardctl.schema.catalog import products
from cardctl.vocabulary import ProductKind
from cardctl.workbooks.write import write_workbook


@dataclass(frozen=True, slots=True)
class Template:
    """A workbook that was written, for which product or for any card, and its columns."""

    file: str
    product: str | None
    columns: tuple[str, ...]


def write_template(session: Session, *, sku: str | None, path: Path, chinese: bool) -> Template:
    """Write the workbook; without a product for cards with a number and a password.

    Raises `NotFound` and what `write_workbook` raises.
    """
    kind, fields = ProductKind.CARD, ""
    if sku is not None:
        query = select(products.c.kind, products.c.fields).where(products.c.sku == sku)
        found = session.execute(query).first()
        if found is None:
            raise NotFound(noun="product", name=sku)
        kind, fields = ProductKind(found.kind), found.fields
    names = tuple(fields.split(",")) if fields else ()
    headings = template_headings(kind, names, chinese=chinese)
    write_workbook(path, headings, (), sheet=sku or kind, text_columns=True)
    return Template(str(path), sku, headings)
