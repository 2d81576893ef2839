"""Stock by the million, made behind cardctl's back: its keys open nothing."""

import secrets

from cardctl.clock import NEVER
from cardctl.identifiers import fingerprint_bucket, new_ids
from cardctl.schema.cards import cards
from cardctl.storage.dialects import insert_many
from cardctl.storage.store import writing

_CHUNK = 100_000
_CARD = ("bucket", "id", "fingerprint", "seat", "batch_id", "product_id", "pool_id", "status")
_CARD += ("sealed_secret", "masked", "cost_fen", "expires_at", "status_at")
_CARD += ("order_bucket", "order_id", "order_line_id")
_OF_ORDER = {"available": (None, None, None), "issued": (0, 1, 1)}


def fill(shop, count, *, sold_every=0):
    """Make so many cards of VIP; returns (batch id, product id) and every tenth fingerprint.

    With `sold_every` one card of so many is available, and those before it are sold.
    """
    shop.import_codes("VIP", ["MADE-UP-1"])
    batch_id, product_id = shop.sql("SELECT id, product_id FROM batch")[0]
    kept = []

    def rows(prints, ids):
        for place, (one, card) in enumerate(zip(prints, ids, strict=True)):
            if place % 10 == 0:
                kept.append(one)
            status = "issued" if sold_every and place % sold_every else "available"
            where = (fingerprint_bucket(one), card, one, 1, batch_id, product_id, 1, status)
            sealed = (secrets.token_bytes(60), "****1234", 1250, NEVER, 0)
            yield (*where, *sealed, *_OF_ORDER[status])

    made = iter(list(_fingerprints(count)))
    with writing(shop.store.engine) as session:
        while chunk := [one for one, _ in zip(made, range(_CHUNK), strict=False)]:
            insert_many(session, cards, _CARD, rows(chunk, new_ids(len(chunk))))
    shop.execute("ANALYZE")
    return batch_id, product_id, kept


def _fingerprints(count):
    """As many as asked, by and large, in the order of their bucket, so that filling is quick."""
    each = count // 1024 + 1
    for bucket in range(1024):
        head = bucket << 118
        values = (head | secrets.randbits(118) for _ in range(each))
        yield from (value.to_bytes(16) for value in values)
