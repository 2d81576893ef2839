"""Which product a row is of: what a supplier calls it, or our SKU; never a guess. Pure."""

import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from cardctl.batches.row_errors import (
    CellMissing,
    ErrorCell,
    FormulaCell,
    KindWithoutCards,
    OtherProduct,
    UnmappedProduct,
)
from cardctl.schema.catalog import Product
from cardctl.vocabulary import CARD_KINDS
from cardctl.workbooks.cells import Cell, NotText, text_of
from cardctl.workbooks.headers import fold

_REMEMBERED = 10_000
_SHOWN = 60


@dataclass(slots=True)
class ProductNames:
    """What the cells of a column say that the keys beside them are of.

    `mapped` leads from a supplier's folded names, `skus` from ours. With `only` the command has
    said the product: a cell may be empty, or hold one name that nobody knows, but nothing else.
    """

    supplier: str
    mapped: Mapping[str, Product]
    skus: Mapping[str, Product]
    only: Product | None
    _read: dict[Cell, Product] = field(default_factory=dict)
    _unknown: str | None = None

    def product_of(self, cell: Cell) -> Product:
        """The product that a cell names.

        Raises `CellMissing`, `FormulaCell`, `ErrorCell`, `UnmappedProduct`, `OtherProduct` and
        `KindWithoutCards`.
        """
        found = self._read.get(cell)
        if found is None:
            found = self._find(cell)
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            self._read[cell] = found
        return found

    def _find(self, cell: Cell) -> Product:
        if isinstance(cell, NotText) and cell.kind in ("formula", "error"):
            raise FormulaCell if cell.kind == "formula" else ErrorCell
        text = unicodedata.normalize("NFKC", text_of(cell)).strip()
        if not text:
            if self.only is None:
                raise CellMissing
            return self.only
        found = self.mapped.get(fold(text)) or self.skus.get(text)
        if found is None and self.only is not None and self._unknown in (None, fold(text)):
            # One unknown name is the supplier's for what the command says; two are two products.
            self._unknown = fold(text)
            return self.only
        name = "".join(filter(str.isprintable, text))[:_SHOWN]
        if found is None:
            raise UnmappedProduct(supplier=self.supplier, name=name, quoted=shlex.quote(name))
        if self.only is not None and found.id != self.only.id:
            raise OtherProduct(name=name, sku=found.sku, expected=self.only.sku)
        return kept_as_cards(found)


def kept_as_cards(product: Product) -> Product:
    """The product, if cards of it are kept; raises `KindWithoutCards`."""
    if product.kind not in CARD_KINDS:
        raise KindWithoutCards(sku=product.sku, kind=product.kind)
    return product
