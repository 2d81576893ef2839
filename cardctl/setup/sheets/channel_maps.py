"""Channel maps (渠道商品对照): what a channel calls our products."""

from cardctl.catalog.channel_maps import (
    ChannelName,
    check_channel_name,
    fold_channel_name,
    list_channel_names,
    write_channel_names,
)
from cardctl.catalog.entries import check_code
from cardctl.schema.catalog import channels
from cardctl.setup.kinds import CODE, NAME
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun

SHEET = SetupSheet(
    noun=CatalogueNoun.CHANNEL_MAP,
    names=("channel maps", "渠道商品对照"),
    fields=(
        Field(
            "channel",
            ("channel", "渠道"),
            ("The channel's code; required.", "渠道编码，必填。"),
            CODE,
            refers_to=CatalogueNoun.CHANNEL,
        ),
        Field(
            "their_name",
            ("channel's name", "渠道叫法", "their name", "对方名称"),
            (
                "The SKU or the title in the channel's order lists; required.",
                "渠道订单中的商家编码或商品标题，必填。",
            ),
            NAME,
        ),
        Field(
            "variant",
            ("variant", "规格", "商品规格"),
            ("Only of this variant; empty for all.", "只对应这个规格；不分规格时留空。"),
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
    key=("channel", "their_name", "variant"),
    may_lack=("variant",),
    identify=lambda channel, their_name, variant: (
        check_code(channel),
        *fold_channel_name(their_name, variant),
    ),
    make=ChannelName,
    check=check_channel_name,
    is_nothing=lambda entry: entry.sku is None,
    stored=list_channel_names,
    locked=(channels.c.code, "channel"),
    write=write_channel_names,
)
