"""The sheets of a setup workbook, in the order in which each needs only those before it.

A noun that comes later is one more module in `sheets` and one more row here.
"""

from typing import Any

from cardctl.setup.sheet import SetupSheet
from cardctl.setup.sheets import (
    accounts,
    channel_maps,
    channels,
    maps,
    pools,
    products,
    suppliers,
)

SHEETS: tuple[SetupSheet[Any], ...] = (
    suppliers.SHEET,
    products.SHEET,
    accounts.SHEET,
    channels.SHEET,
    pools.SHEET,
    maps.SHEET,
    channel_maps.SHEET,
)

REMARKS = ("notes", "说明")
"""Sheets of these names are the merchant's own and are not read."""
