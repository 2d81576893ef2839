"""Deliveries: send what was issued, see what came of it, try again, note what was shipped."""

from cardctl.cli.commands import delivery_answers, delivery_list, delivery_send, delivery_ship
from cardctl.cli.verbs import Noun

noun = Noun("delivery")
# Their order is that of the help.
for part in (delivery_send, delivery_list, delivery_ship, delivery_answers):
    noun.take(part.noun)
