"""Orders: placing them, reading files of them, issuing their cards, showing and cancelling.

An order is known by (channel, external number) and lives with its lines and events in one bucket.
It gets exactly its quantities or, unless a partial issue was asked for, nothing. Delivering cards
and returning money are other nouns.
"""
