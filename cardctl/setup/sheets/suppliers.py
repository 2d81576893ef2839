"""Suppliers (供应商)."""

from cardctl.catalog.suppliers import (
    SupplierEntry,
    check_supplier,
    list_suppliers,
    write_suppliers,
)
from cardctl.schema.catalog import suppliers
from cardctl.setup.kinds import CODE, NAME, RATE, one_of
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun, SupplierTier

TIERS = {
    SupplierTier.BRAND: "品牌方",
    SupplierTier.AUTHORISED: "授权",
    SupplierTier.RESELLER: "转售商",
    SupplierTier.UNKNOWN: "未知",
}

SHEET = SetupSheet(
    noun=CatalogueNoun.SUPPLIER,
    names=("suppliers", "供应商"),
    fields=(
        Field("code", ("code", "编码"), ("Short name; required.", "简称，必填。"), CODE),
        Field(
            "name",
            ("name", "名称"),
            ("Name for people; required of a new one.", "给人看的名称，新增时必填。"),
            NAME,
            required=True,
        ),
        Field(
            "tier",
            ("tier", "级别"),
            ("brand, authorised, reseller or unknown.", "品牌方、授权、转售商或未知。"),
            one_of(TIERS),
        ),
        Field(
            "cost_rate_bp",
            ("cost rate", "成本比例"),
            (
                "Cost as a share of the face value, such as 92%, where a file has none.",
                "文件没有成本时按面值计算的比例，如 92%。",
            ),
            RATE,
            empty=None,
        ),
    ),
    key=("code",),
    make=SupplierEntry,
    check=check_supplier,
    stored=list_suppliers,
    locked=(suppliers.c.code, "code"),
    write=write_suppliers,
)
