"""status: what needs a person today."""

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.clock import now_ms

noun = Noun("status")

ALERT = (
    Column("kind", "what"),
    Column("about", "about"),
    Column("count", "count"),
    Column("command", "next command"),
)
RUN = (
    Column("run", "run"),
    Column("verb", "command"),
    Column("at", "time"),
    Column("operator", "operator"),
    Column("finished", "finished"),
)
ORDERS = (Column("waiting", "waiting"), Column("short", "short"), Column("held", "held"))
DELIVERIES = (
    Column("pending", "to be sent"),
    Column("waiting", "waiting for an answer"),
    Column("dead", "given up"),
)
STATUS = (
    Column("orders", "orders", of=ORDERS),
    Column("deliveries", "deliveries", of=DELIVERIES),
    Column("alerts", "alerts", of=ALERT),
    Column("last_runs", "last runs", of=RUN),
)


@noun.verb("status", examples=("cardctl status", "cardctl status --json"))
def status(context: Context) -> None:
    """Show what needs a person today."""
    from cardctl.upkeep.status import look_around

    with context.reading() as session:
        found = look_around(session, now=now_ms())
    context.show(found, STATUS)
