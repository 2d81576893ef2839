"""Orders: placing them, reading files of them, issuing their cards, and what comes after the sale.

An order is known by (channel, external number) and lives with its lines, events, refunds and
replacements in one bucket. It gets exactly its quantities or, unless a partial issue was asked for,
nothing. Whoever changes an order holds it first (`held.py`), then its deliveries, then its cards.

Money goes back once a refund number (`refund.py`), and the journal follows it by one law: a line
has earned what was paid for it less what was paid back, as far as it is issued. Delivering cards is
another package.
"""
