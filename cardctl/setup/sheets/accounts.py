"""Money accounts (资金账户)."""

from cardctl.catalog.accounts import AccountEntry, check_account, list_accounts, write_accounts
from cardctl.schema.catalog import accounts
from cardctl.setup.kinds import CODE, CODES, NAME, NUMBER, RATE, one_of
from cardctl.setup.sheet import Field, SetupSheet
from cardctl.vocabulary import AccountKind, CatalogueNoun

KINDS = {
    AccountKind.WECHAT: "微信",
    AccountKind.ALIPAY: "支付宝",
    AccountKind.PLATFORM: "平台",
    AccountKind.BANK: "银行",
    AccountKind.CASH: "现金",
}

SHEET = SetupSheet(
    noun=CatalogueNoun.ACCOUNT,
    names=("accounts", "资金账户"),
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
            "kind",
            ("kind", "种类"),
            (
                "wechat, alipay, platform, bank or cash; required of a new one.",
                "微信、支付宝、平台、银行或现金，新增时必填。",
            ),
            one_of(KINDS),
            required=True,
        ),
        Field(
            "fee_rate_bp",
            ("fee rate", "费率"),
            ("What the account keeps of a payment, such as 0.6%.", "每笔收款的手续费，如 0.6%。"),
            RATE,
            empty=0,
        ),
        Field(
            "settle_days",
            ("settle days", "结算天数"),
            ("Days from payment to settlement.", "从付款到结算的天数。"),
            NUMBER,
            empty=None,
        ),
        Field(
            "statement_formats",
            ("statement formats", "对账单格式"),
            ("Codes with commas between them.", "格式代码，用逗号隔开。"),
            CODES,
            empty=(),
        ),
    ),
    key=("code",),
    make=AccountEntry,
    check=check_account,
    stored=list_accounts,
    locked=(accounts.c.code, "code"),
    write=write_accounts,
)
