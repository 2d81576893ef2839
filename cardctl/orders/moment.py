"""What a stream looks up and the run that it writes, for as long as neither is too old."""

from contextlib import suppress
from dataclasses import dataclass, replace

from cardctl.audit.record import Run
from cardctl.catalog.channel_maps import ChannelNames, read_channel_names
from cardctl.errors import ServiceUnavailable
from cardctl.orders.drafting import our_sku, unmapped
from cardctl.orders.plan import PlacingCatalog, PlannedOrder, plan_order, read_placing_catalog
from cardctl.orders.records import OrderRecord
from cardctl.orders.waiting import IssuingCatalog, read_catalog
from cardctl.stock.release import any_reservation_over, release_overdue
from cardctl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Moment:
    """The catalogue of a channel as it was when the run began."""

    run: Run
    placing: PlacingCatalog
    names: ChannelNames
    issuing: IssuingCatalog

    def plan(self, record: OrderRecord) -> PlannedOrder:
        """An order with its codes resolved.

        Raises what `plan_order` does, `Unmapped` and `VariantNeeded`.
        """
        lines = []
        for line in record.lines:
            sku = our_sku(self.placing, self.names, line)
            if sku is None:
                raise unmapped(self.placing.channel, self.names, line)
            lines.append(replace(line, sku=sku))
        return plan_order(self.placing, replace(record, lines=lines))


def look(store: Store, run: Run, *, channel: str, dry_run: bool) -> Moment:
    """Look everything up, and put back what was reserved for too long. Raises `NotFound`."""
    with store.reading() as session:
        placing = read_placing_catalog(session, channel=channel)
        names = read_channel_names(session, channel_id=placing.channel_id)
        issuing = read_catalog(session, at=run.at)
        over = any_reservation_over(session, at=run.at)
    if over and not dry_run:
        # Where somebody is at it already, it is done without us.
        with suppress(ServiceUnavailable), run.transaction(store, final=False) as session:
            release_overdue(session, run=run)
    return Moment(run, placing, names, issuing)
