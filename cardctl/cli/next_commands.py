"""The command that helps an order on, by why it stopped where it is."""

from cardctl.cli.failures import describe
from cardctl.cli.language import _
from cardctl.vocabulary import PassedOver


def command_for_stopped(order: str, rule: str) -> str | None:
    """What helps an order that is held or blocked by a rule of issuing; None where nothing does."""
    from cardctl.orders.conflicts import HOLD_REASON
    from cardctl.orders.gates import REGION_NOT_SOLD, REGION_UNKNOWN, TOPUP_ACCOUNT_MISSING

    text = {
        HOLD_REASON: "cardctl order conflict list",
        REGION_UNKNOWN: "cardctl order edit {order} --region REGION --reason TEXT",
        REGION_NOT_SOLD: _(
            "cardctl order cancel {order}, or order edit {order} --region REGION --reason TEXT"
        ),
        TOPUP_ACCOUNT_MISSING: "cardctl order edit {order} --topup-account ACCOUNT --reason TEXT",
    }.get(rule)
    return None if text is None else text.format(order=order)


def command_for_left_out(order: str, reason: str) -> str | None:
    """What an order needs of which nothing is delivered the way that is asked for."""
    from cardctl.catalog.webhooks import CHANNEL, NoWebhook
    from cardctl.deliveries.failures import NoMailAddress

    if reason == PassedOver.NO_ADDRESS:
        return describe(NoMailAddress(order=order))[1]
    if reason == PassedOver.NO_WEBHOOK:
        return describe(NoWebhook(noun=CHANNEL, name=order.partition(":")[0]))[1]
    if reason == PassedOver.CONFLICT:
        return "cardctl order conflict list"
    if reason == PassedOver.TO_SHIP:
        return f"cardctl delivery ship {order} --carrier NAME --tracking NUMBER"
    if reason == PassedOver.TO_CONFIRM:
        told = _("cardctl delivery confirm FILE, or delivery retry {order} to ask once more")
        return told.format(order=order)
    return None
