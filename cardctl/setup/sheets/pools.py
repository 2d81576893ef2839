"""Pools (库存池)."""

from cardctl.catalog.pools import PoolEntry, check_pool, list_pools, write_pools
from cardctl.schema.catalog import channels
from cardctl.setup.kinds import CODE
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun

SHEET = SetupSheet(
    noun=CatalogueNoun.POOL,
    names=("pools", "库存池"),
    fields=(
        Field("code", ("code", "编码"), ("Short name; required.", "简称，必填。"), CODE),
        Field(
            "channel",
            ("channel", "渠道"),
            ("The channel it is kept for, if for one.", "专供的渠道编码；不专供的不填。"),
            CODE,
            empty=None,
            refers_to=CatalogueNoun.CHANNEL,
        ),
    ),
    key=("code",),
    make=PoolEntry,
    check=check_pool,
    stored=list_pools,
    locked=(channels.c.code, "channel"),
    write=write_pools,
)
