"""The same writes without the program: what the drivers alone need for them.

An import is the reading of the workbook by calamine and one insert of as many cards of the same
size; an issue is the same updates and inserts in transactions of the same size, or a transaction
an order that binds a card and keeps no books. Nothing is checked, sealed, decided, logged or
proved.
"""

import os
import random
import time

from python_calamine import CalamineWorkbook
from sqlalchemy import text

from cardctl.identifiers import new_ids
from cardctl.schema.cards import cards
from cardctl.schema.ledger import journal_entries, journal_lines
from cardctl.schema.orders import order_events, order_lines, orders
from cardctl.storage.dialects import insert_many, update_many
from cardctl.storage.store import writing

_SAME_OF_ALL = {
    "seat": 1,
    "product_id": 0,
    "batch_id": 0,
    "pool_id": 1,
    "status": "available",
    "masked": "****1234",
    "cost_fen": 1250,
    "expires_at": 2**62,
    "status_at": 0,
}


def import_barely(shop, path):
    """Seconds to read a workbook and to insert as many cards."""
    batch_id, product_id = shop.sql("SELECT id, product_id FROM batch")[0]
    same = _SAME_OF_ALL | {"batch_id": batch_id, "product_id": product_id}
    columns = ("bucket", "id", "fingerprint", "sealed_number", "sealed_secret", *same)
    begun = time.monotonic()
    count = sum(1 for _ in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows())
    rows = [
        (random.getrandbits(10), one, os.urandom(16), os.urandom(49), os.urandom(56))
        for one in new_ids(count)
    ]
    with writing(shop.store.engine) as session:
        insert_many(session, cards, columns, [(*row, *same.values()) for row in sorted(rows)])
    return time.monotonic() - begun


def issue_barely(shop, *, chunk):
    """Seconds to bind a card to every waiting one-card order, with events and journal."""
    begun = time.monotonic()
    waiting = shop.sql(
        "SELECT o.bucket, o.id, l.id FROM orders o"
        " JOIN order_line l ON l.bucket = o.bucket AND l.order_id = o.id"
        " WHERE o.status = 'paid' ORDER BY o.waiting_since, o.bucket, o.id"
    )
    free = shop.sql(
        "SELECT bucket, id, product_id FROM card WHERE status = 'available'"
        f" ORDER BY expires_at, id LIMIT {len(waiting)}"
    )
    pairs = list(zip(waiting, free, strict=True))
    for first in range(0, len(pairs), chunk):
        with writing(shop.store.engine) as session:
            _issue_chunk(session, pairs[first : first + chunk])
    return time.monotonic() - begun


def issue_one_by_one(shop, *, orders):
    """Seconds to bind a card to so many waiting orders, each in a transaction of its own.

    No events, no journal, no audit: the way of a shop that issues when it is paid.
    """
    waiting = shop.sql(
        "SELECT o.bucket, o.id, l.id, l.product_id FROM orders o"
        " JOIN order_line l ON l.bucket = o.bucket AND l.order_id = o.id"
        f" WHERE o.status = 'paid' ORDER BY o.waiting_since, o.bucket, o.id LIMIT {orders}"
    )
    begun = time.monotonic()
    with shop.store.one_connection() as store:
        for bucket, order_id, line_id, product_id in waiting:
            given = {"b": bucket, "o": order_id, "l": line_id, "p": product_id}
            with store.transaction() as session:
                for statement in _ONE[shop.backend]:
                    assert session.connection().execute(statement, given).rowcount == 1
    return time.monotonic() - begun


_FREE = (
    "SELECT bucket, id FROM card WHERE product_id = :p AND pool_id = 1 AND status = 'available'"
    " ORDER BY expires_at, id LIMIT 1"
)
_TAKEN = "status = 'issued', order_bucket = :b, order_id = :o, order_line_id = :l, status_at = 0"
_BOTH = (
    text("UPDATE order_line SET issued_qty = 1 WHERE bucket = :b AND id = :l"),
    text("UPDATE orders SET status = 'issued' WHERE bucket = :b AND id = :o AND status = 'paid'"),
)
_ONE = {
    "sqlite": (text(f"UPDATE card SET {_TAKEN} WHERE (bucket, id) IN ({_FREE})"), *_BOTH),
    "postgres": (
        text(
            f"WITH pick AS MATERIALIZED ({_FREE} FOR UPDATE OF card SKIP LOCKED)"
            f" UPDATE card SET {_TAKEN} FROM pick"
            " WHERE card.bucket = pick.bucket AND card.id = pick.id"
        ),
        *_BOTH,
    ),
}


def _issue_chunk(session, pairs):
    events, entries = new_ids(len(pairs)), new_ids(len(pairs))
    update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=("order_bucket", "order_id", "order_line_id"),
        rows=[(*order, *card[:2]) for order, card in pairs],
        constants={"status": "issued", "status_at": 0},
    )
    update_many(
        session,
        order_lines,
        key=("bucket", "id"),
        changed=("issued_qty",),
        rows=[(1, order[0], order[2]) for order, _ in pairs],
    )
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("status",),
        rows=[("issued", *order[:2]) for order, _ in pairs],
    )
    insert_many(
        session,
        order_events,
        ("bucket", "id", "order_id", "kind", "at", "run_id", "detail"),
        [
            (order[0], event, order[1], "issued", 0, 0, '{"cards": 1, "status": "issued"}')
            for (order, _), event in zip(pairs, events, strict=True)
        ],
    )
    insert_many(
        session,
        journal_entries,
        ("bucket", "id", "event", "source_id", "order_id", "posted_at", "run_id"),
        [
            (order[0], entry, "issue", event, order[1], 0, 0)
            for (order, _), event, entry in zip(pairs, events, entries, strict=True)
        ],
    )
    insert_many(
        session,
        journal_lines,
        ("bucket", "entry_id", "position", "account", "party", "product_id", "amount_fen"),
        [
            (order[0], entry, place, account, party, product, fen)
            for (order, card), entry in zip(pairs, entries, strict=True)
            for place, (account, party, product, fen) in enumerate(
                (
                    ("receivable", "WX", None, 2800),
                    ("revenue", "", card[2], -2800),
                    ("cost-of-goods", "", card[2], 1250),
                    ("stock", "", card[2], -1250),
                )
            )
        ],
    )
