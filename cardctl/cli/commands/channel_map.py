"""What a channel calls our products."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun

if TYPE_CHECKING:
    from cardctl.catalog.channel_maps import NameMapped

noun = Noun("channel")
names = noun.group("map", "What a channel calls our products.")

MAP = (
    Column("channel", "channel"),
    Column("their_name", "channel's name"),
    Column("variant", "variant"),
    Column("sku", "SKU"),
)
MAPPED = (Column("status", "status"), *MAP, Column("was_sku", "SKU before"))

Code = Annotated[str, typer.Argument(help="Short name of the channel.", metavar="CODE")]
TheirName = Annotated[
    str,
    typer.Argument(
        help="The channel's SKU or title, as its order lists have it.", metavar="'THEIR NAME'"
    ),
]
Variant = Annotated[
    str, typer.Option(help="Only of this variant (商品规格); else of all of them.", metavar="TEXT")
]


@names.verb(
    "add",
    writes=True,
    columns=MAPPED,
    examples=(
        "cardctl channel map add TB 'TB-VIP-30' VIP",
        "cardctl channel map add TB '视频会员 自动发货' --variant 月卡 VIP",
    ),
)
def add_name(
    context: Context,
    channel: Code,
    their_name: TheirName,
    sku: Annotated[str, typer.Argument(help="The product that it means.", metavar="SKU")],
    variant: Variant = "",
) -> None:
    """Let a channel's SKU or title mean a product.

    A name that meant another product until now is changed, and the result says what it meant.
    """
    from cardctl.catalog.channel_maps import map_channel_name

    with context.change() as (session, run):
        mapped = map_channel_name(
            session, run=run, channel=channel, their_name=their_name, variant=variant, sku=sku
        )
    context.show(_row(mapped), MAPPED)


@names.verb("list", columns=MAP, examples=("cardctl channel map list TB",))
def list_names(context: Context, channel: Code) -> None:
    """List what a channel calls our products."""
    from cardctl.catalog.channel_maps import list_channel_names

    with context.reading() as session:
        found = list_channel_names(session, channel=channel)
    context.show(found, MAP)


@names.verb(
    "remove",
    writes=True,
    columns=MAPPED,
    examples=("cardctl channel map remove TB 'TB-VIP-30'",),
)
def remove_name(
    context: Context, channel: Code, their_name: TheirName, variant: Variant = ""
) -> None:
    """Forget what a channel's SKU or title means."""
    from cardctl.catalog.channel_maps import unmap_channel_name

    with context.change() as (session, run):
        mapped = unmap_channel_name(
            session, run=run, channel=channel, their_name=their_name, variant=variant
        )
    context.show(_row(mapped), MAPPED)


def _row(mapped: "NameMapped") -> dict[str, Any]:
    return {**asdict(mapped.entry), "status": mapped.outcome, "was_sku": mapped.was}
