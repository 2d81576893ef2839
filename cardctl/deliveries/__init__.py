"""The outbox: what leaves the house, at least once and never before it is committed (发货).

`outbox.enqueue` says that an order is to be delivered; `send.send_due` leases what is due, opens
its cards and hands it to a channel (`channels/`, one file each), and records what came of it. What
is refused or lost on the way is tried again with the same idempotency key, later and later, until
it is dead and a person looks at it.
"""
