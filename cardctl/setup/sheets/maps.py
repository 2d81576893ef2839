"""Supplier maps (商品对照): what a supplier calls our products."""

from cardctl.catalog.entries import check_code
from cardctl.catalog.supplier_maps import (
    MapEntry,
    check_map,
    fold_name,
    list_all_maps,
    write_maps,
)
from cardctl.schema.catalog import suppliers
from cardctl.setup.kinds import CODE, NAME
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun

SHEET = SetupSheet(
    noun=CatalogueNoun.MAP,
    names=("maps", "商品对照"),
    fields=(
        Field(
            "supplier",
            ("supplier", "供应商"),
            ("The supplier's code; required.", "供应商编码，必填。"),
            CODE,
            refers_to=CatalogueNoun.SUPPLIER,
        ),
        Field(
            "their_name",
            ("their name", "供应商名称", "对方名称"),
            ("What the supplier calls it; required.", "供应商对这个商品的叫法，必填。"),
            NAME,
        ),
        Field(
            "sku",
            ("SKU", "商品编码"),
            ("Our SKU for it; - if it means nothing any more.", "我们的商品编码；不再使用时填 -。"),
            CODE,
            required=True,
            empty=None,
            refers_to=CatalogueNoun.PRODUCT,
        ),
    ),
    key=("supplier", "their_name"),
    identify=lambda supplier, their_name: (check_code(supplier), fold_name(their_name)),
    make=MapEntry,
    check=check_map,
    is_nothing=lambda entry: entry.sku is None,
    stored=list_all_maps,
    locked=(suppliers.c.code, "supplier"),
    write=write_maps,
)
