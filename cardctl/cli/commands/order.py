"""Orders: record them, give them cards, look at them, and what happens after the sale."""

from cardctl.cli.commands import (
    order_after,
    order_conflict,
    order_issue,
    order_record,
    order_run,
    order_show,
)
from cardctl.cli.verbs import Noun

noun = Noun("order")
# Their order is that of the help.
for part in (order_record, order_issue, order_run, order_show, order_after, order_conflict):
    noun.take(part.noun)
