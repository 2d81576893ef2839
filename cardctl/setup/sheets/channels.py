"""Channels (渠道), with the accounts they pay into and the pools they draw on."""

from cardctl.catalog.channels import (
    MAIN_POOL,
    ChannelEntry,
    check_channel,
    list_channels,
    write_channels,
    write_lists,
)
from cardctl.schema.catalog import channels
from cardctl.setup.kinds import CODE, CODES, NAME, RATE, one_of
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun, ChannelKind

KINDS = {
    ChannelKind.OWN: "自有",
    ChannelKind.TAOBAO: "淘宝",
    ChannelKind.XIANYU: "闲鱼",
    ChannelKind.PDD: "拼多多",
    ChannelKind.DOUYIN: "抖音",
    ChannelKind.KUAISHOU: "快手",
    ChannelKind.JD: "京东",
    ChannelKind.WECHAT_SHOP: "微信小店",
    ChannelKind.WECHAT_GROUP: "微信群",
    ChannelKind.AGENT: "代理",
    ChannelKind.API: "接口",
    ChannelKind.OTHER: "其他",
}

SHEET = SetupSheet(
    noun=CatalogueNoun.CHANNEL,
    names=("channels", "渠道"),
    fields=(
        Field(
            "code",
            ("code", "编码"),
            (
                "Short name, the first part of its orders' names; required.",
                "简称，是订单名的前半部分，必填。",
            ),
            CODE,
        ),
        Field(
            "name",
            ("name", "名称"),
            ("Name for people; required of a new one.", "给人看的名称，新增时必填。"),
            NAME,
            required=True,
        ),
        Field(
            "kind",
            ("kind", "种类"),
            (
                f"One of {', '.join(KINDS)}.",
                f"{'、'.join(KINDS.values())}之一。",
            ),
            one_of(KINDS),
        ),
        Field(
            "fee_rate_bp",
            ("fee rate", "费率"),
            (
                "What the platform keeps of a sale, such as 0.6%.",
                "平台从每笔销售扣的费率，如 0.6%。",
            ),
            RATE,
            empty=0,
        ),
        Field(
            "accounts",
            ("accounts", "资金账户"),
            (
                "Codes with commas between them; the first is the default.",
                "资金账户编码，用逗号隔开，第一个是默认账户。",
            ),
            CODES,
            empty=(),
            refers_to=CatalogueNoun.ACCOUNT,
        ),
        Field(
            "pools",
            ("pools", "库存池"),
            (
                "Codes with commas between them, tried in this order; main where none is named.",
                "库存池编码，用逗号隔开，按顺序取卡；都没填时为 main。",
            ),
            CODES,
            empty=(MAIN_POOL,),
            refers_to=CatalogueNoun.POOL,
        ),
    ),
    key=("code",),
    make=ChannelEntry,
    check=check_channel,
    stored=list_channels,
    locked=(channels.c.code, "code"),
    write=write_channels,
    link=write_lists,
)
