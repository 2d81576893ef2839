"""Sixteen shells issue, stream, refund, replace, deliver and move stock on one store at once.

Whatever they did to each other: every card is sold once, whoever was shown a card keeps it, every
fen that went back was an order's, and stock, books and audit log hold.
"""

from collections import Counter

import pytest

from cardctl.identifiers import card_code
from tests.batches.books import check_all
from tests.concurrency.test_stock_race import deadlocks, shells_at_once, stock_shop


def facts_of_cards(shop):
    """Order and status of every card that an order holds or held, by its name."""
    rows = shop.sql(
        "SELECT card.bucket, card.id, code, number, card.status FROM card"
        " JOIN orders ON orders.bucket = order_bucket AND orders.id = order_id"
        " JOIN channel ON channel.id = channel_id"
    )
    return {card_code(*row[:2]): (":".join(row[2:4]), row[4]) for row in rows}


def assert_invariants(shop, told):
    held = facts_of_cards(shop)
    shown = [card for one in told for card in one["shown"].items()]
    moved = [(card, name, held.get(card)) for card, name in shown if held.get(card, "")[0] != name]
    assert not moved, "a card that was shown became somebody else's"
    # Each order was new to one shell alone.
    assert shop.sql("SELECT COUNT(*) FROM orders") == [(sum(one["new"] for one in told),)]
    assert shop.sql("SELECT COUNT(*) FROM order_line WHERE issued_qty > qty") == [(0,)]
    delivered = shop.sql(
        "SELECT COUNT(*) FROM card_delivery LEFT JOIN card"
        " ON card.bucket = card_delivery.bucket AND card.id = card_delivery.card_id"
        " AND card.order_bucket = card_delivery.order_bucket"
        " AND card.order_id = card_delivery.order_id WHERE card.id IS NULL"
    )
    assert delivered == [(0,)], "a card that was delivered became somebody else's"
    wrong = shop.sql(
        "SELECT number, paid_fen, refunded_fen, SUM(amount_fen) FROM orders LEFT JOIN refund"
        " ON refund.bucket = orders.bucket AND refund.order_id = orders.id"
        " GROUP BY orders.bucket, orders.id, number, paid_fen, refunded_fen"
        " HAVING refunded_fen <> COALESCE(SUM(amount_fen), 0) OR refunded_fen > paid_fen"
    )
    assert not wrong
    assert shop.sql(
        "SELECT COUNT(*) FROM orders JOIN delivery"
        " ON delivery.bucket = orders.bucket AND delivery.order_id = orders.id"
        " WHERE orders.status = 'refunded' AND delivery.status IN ('pending', 'waiting')"
    ) == [(0,)]


def prove_shells_do_no_harm(shop, *, count, seconds, keys):
    stock_shop(shop, keys=keys)
    told = shells_at_once(
        shop, count=count, seconds=seconds, module="tests.concurrency.mixed_shell"
    )
    unexpected = [end for one in told for end in one["unexpected"]]
    assert not unexpected, "\n\n".join(unexpected)
    check_all(shop)
    assert_invariants(shop, told)
    return sum((Counter(one["ends"]) for one in told), Counter())


def test_three_shells_of_sales_at_once_do_no_harm(shop):
    prove_shells_do_no_harm(shop, count=3, seconds=4, keys=60)


@pytest.mark.prove
def test_sixteen_shells_of_sales_for_a_minute_do_no_harm(shop):
    ends = prove_shells_do_no_harm(shop, count=16, seconds=60, keys=900)
    print(f"\n{shop.backend}: {ends.total()} commands and answers, {deadlocks(shop)} deadlocks")
    for end, times in sorted(ends.items()):
        print(f"{times:>7} {end}")
