"""Meeting keys that are there: half of 100,000 rows, in a store of five million cards.

What an import does between the last sealed row and its commit is measured beside a bare
`INSERT … ON CONFLICT DO NOTHING` of the same staged rows, in turns, each rolled back.
"""

import secrets
import statistics
import time

import pytest
from sqlalchemy import text

from cardctl.batches import staging
from cardctl.batches.results import LISTED_MOST
from cardctl.clock import NEVER
from cardctl.identifiers import fingerprint_bucket, new_ids
from cardctl.vocabulary import CardStatus
from tests.support.stock import fill

STOCK = 5_000_000
ROWS = 100_000
TURNS = 3
AT_MOST = 2.0


def staged_rows(kept, new, batch_id, product_id):
    """Half of them in the store already, in the order of no index, as a file has them."""
    prints = [*kept, *new]
    secrets.SystemRandom().shuffle(prints)
    for row, (one, card) in enumerate(zip(prints, new_ids(len(prints)), strict=True), 2):
        values = dict.fromkeys(staging.COLUMNS)
        values |= {"bucket": fingerprint_bucket(one), "id": card, "fingerprint": one, "seat": 1}
        values |= {"sealed_secret": secrets.token_bytes(60), "masked": "****1234"}
        values |= {"cost_fen": 1250, "expires_at": NEVER, "place": row}
        values |= {"batch_id": batch_id, "product_id": product_id}
        yield tuple(values[name] for name in staging.COLUMNS)


def as_an_import_does(session):
    """Find what is there, say in which batch, leave it out, and make cards of the rest."""
    staging.finish(session)
    assert list(staging.duplicates_in_file(session)) == []
    found = sum(staging.mark_duplicates_in_store(session).values())
    assert len(list(staging.duplicates_in_store(session, most=LISTED_MOST))) == LISTED_MOST
    left = sum(batch.cards for batch in staging.totals(session).values())
    staging.insert_cards(session, pool_id=1, status=CardStatus.AVAILABLE, at=0)
    assert (found, left) == (ROWS // 2, ROWS // 2)


def barely(session):
    """The same cards by one statement that passes over what is there."""
    names = [name for name in staging.COLUMNS if name != "place"]
    carried = ", ".join(names)
    result = session.connection().execute(
        text(
            f"INSERT INTO card ({carried}, pool_id, status, status_at)"
            f" SELECT {carried}, 1, 'available', 0 FROM staged_card"
            " WHERE true ON CONFLICT DO NOTHING"
        )
    )
    assert result.rowcount == ROWS // 2


def seconds(shop, work, rows):
    """Of the work alone: the rows are staged before, and nothing of it is kept."""
    with shop.store.one_connection() as bound:
        with bound.staging() as session:
            staging.create(session)
            staging.add(session, rows)
        with bound.transaction(dry_run=True) as session:
            begun = time.monotonic()
            work(session)
            return time.monotonic() - begun


@pytest.mark.bench
def test_duplicates_in_a_store_of_five_million(shop):
    shop.seed_catalog()
    batch_id, product_id, kept = fill(shop, STOCK)
    ours, bare = [], []
    for _ in range(TURNS):
        there = secrets.SystemRandom().sample(kept, ROWS // 2)
        new = [secrets.token_bytes(16) for _ in range(ROWS // 2)]
        for work, taken in ((as_an_import_does, ours), (barely, bare)):
            rows = staged_rows(there, new, batch_id, product_id)
            taken.append(seconds(shop, work, rows))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(
        f"\n{shop.backend}: {ROWS:,} rows, half of them among {STOCK:,} cards:"
        f" {statistics.median(ours):.2f} s, bare {statistics.median(bare):.2f} s, {ratio:.2f} times"
    )
    assert ratio <= AT_MOST
