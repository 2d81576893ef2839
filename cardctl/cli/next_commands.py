"""The command that helps an order on, by why it stopped where it is."""

from cardctl.cli.failures import describe
from cardctl.cli.language import _
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, PassedOver

_ASKED = (DeliveryStatus.WAITING, DeliveryVia.TOPUP)
"""A request that the supplier is at work on."""


def command_for_stopped(order: str, rule: str) -> str | None:
    """What helps an order that is held or blocked by a rule of issuing; None where nothing does."""
    from cardctl.orders.conflicts import HOLD_REASON
    from cardctl.orders.gates import Stop

    text = {
        HOLD_REASON: "cardctl order conflict list",
        Stop.REGION_UNKNOWN: "cardctl order edit {order} --region REGION --reason TEXT",
        Stop.REGION_NOT_SOLD: _(
            "cardctl order cancel {order}, or order edit {order} --region REGION --reason TEXT"
        ),
        Stop.NO_TOPUP_ACCOUNT: "cardctl order edit {order} --topup-account ACCOUNT --reason TEXT",
    }.get(rule)
    return None if text is None else text.format(order=order)


def command_for_sent(order: str, via: str, status: str) -> str | None:
    """What an order needs that did not arrive the way that is asked for, by what came of it."""
    from cardctl.catalog.webhooks import CHANNEL, NoWebhook
    from cardctl.deliveries.failures import NoMailAddress

    if status == PassedOver.NO_ADDRESS:
        return describe(NoMailAddress(order=order))[1]
    if status == PassedOver.NO_WEBHOOK:
        return describe(NoWebhook(noun=CHANNEL, name=order.partition(":")[0]))[1]
    if status == PassedOver.TO_CONFIRM or (status, via) == _ASKED:
        told = _("cardctl delivery confirm FILE, or delivery retry {order} to ask once more")
        return told.format(order=order)
    if status in (PassedOver.TOLD, DeliveryStatus.WAITING) and via == DeliveryVia.WEBHOOK:
        # The chat group is not told again: somebody hands over what it was told of.
        return f"cardctl delivery send {order} --via terminal"
    out = " --out NAME.xlsx" if via == DeliveryVia.FILE else ""
    if status in (PassedOver.TOLD, PassedOver.OTHER_WAY, PassedOver.GIVEN_UP):
        return f"cardctl delivery send {order} --via {via}{out}"
    if status == PassedOver.UNCHANGED and via != DeliveryVia.TOPUP:
        told = _("to hand its cards over once more: {command} --reprint --reason TEXT")
        return told.format(command=f"cardctl delivery send {order} --via {via}{out}")
    if status == PassedOver.NOT_DELIVERED and via != DeliveryVia.TOPUP:
        return f"cardctl delivery send {order} --via {via}{out}"
    commands: dict[str, str] = {
        PassedOver.CONFLICT: "cardctl order conflict list",
        PassedOver.TO_SHIP: "cardctl delivery ship {order} --carrier NAME --tracking NUMBER",
        PassedOver.SENDING: "cardctl delivery list --order {order}",
        # No supplier is asked once more for what was topped up, nor for cards.
        PassedOver.NOT_DELIVERED: "cardctl order show {order}",
        PassedOver.TOPUP_GIVEN_UP: "cardctl delivery retry {order}",
        DeliveryStatus.DEAD: "cardctl delivery retry {order}",
    }
    return commands[status].format(order=order) if status in commands else None
