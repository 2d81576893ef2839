"""Many orders in one transaction come out as one after another would: every fen and every card."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cardctl.audit.record import Actor, Run
from cardctl.orders.cancel import cancel_within
from cardctl.orders.refund import refund_within
from cardctl.orders.refund_decision import CHARGEBACK_NO, RefundWish
from cardctl.vocabulary import RefundKind

LINES = {
    "issued": ("VIP", 1),
    "bundle": ("GIFT", 1),
    "boxes": ("BOX", 1),
    "topped-up": ("CALL", 1),
    "revealed": ("VIP", 1),
    "handed": ("VIP", 1),
    "redeemed": ("VIP", 1),
    "replaced": ("VIP", 1),
    "many": ("VIP", 3),
    "free": ("VIP", 1),
    "recalled": ("OTHER", 1),
    "partly": ("SCARCE", 3),
    "short": ("SCARCE", 3),
    "cancelled": ("SCARCE", 1),
    "waiting": ("VIP", 1),
    "unpaid": ("VIP", 1),
    "cancelled-unpaid": ("VIP", 1),
}
"""Orders by what becomes of them, and what they are of."""
WAITING = {"partly", "short", "cancelled", "waiting", "unpaid", "cancelled-unpaid"}
KEPT = ("kept", "kept-and-paid")
NAMES = [("TB", number) for number in (*LINES, *KEPT, "nowhere")]
BEFORE, AFTER_SOME_EXPIRED = 1_800_000_000_000, 3_900_000_000_000
"""Instants (epoch ms) between which the first cards expire."""

STATEMENTS_MOST = 30

CANCEL = None
"""Instead of a wish."""
WISHES = st.one_of(
    st.builds(
        RefundWish,
        reason=st.just("made-up"),
        amount_fen=st.none() | st.integers(1, 3_000),
        refund_no=st.none() | st.sampled_from(("R1", "R2")),
        restock=st.booleans(),
    ),
    st.just(RefundWish(reason="bank", refund_no=CHARGEBACK_NO, kind=RefundKind.CHARGEBACK)),
    st.just(CANCEL),
)
STEPS = st.lists(
    st.tuples(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), WISHES, st.booleans()),
    min_size=1,
    max_size=5,
)
STATE = {
    "orders": "number, status, orders.refunded_fen, reserved_until",
    "order_line": "number, position, order_line.refunded_fen, issued_qty",
    "refund": "number, refund_no, kind, amount_fen, reason, restocked",
    "order_event": "number, kind, detail",
    "delivery": "number, via, delivery.status",
    "journal_entry JOIN journal_line ON journal_line.bucket = journal_entry.bucket"
    " AND entry_id = journal_entry.id": "number, event, position, account, party, product_id,"
    " amount_fen",
    "card": "bucket, id, status, quarantined_for, status_at, order_bucket, order_id, order_line_id",
}
"""All that a refund or a cancellation may change, without ids and runs."""


WITHOUT_ORDER = ("orders", "card")


def name(number):
    return f"TB:{number}"


def order(place, number):
    """A line of a file, of an order that pays an odd sum."""
    sku, qty = LINES[number]
    paid = "0" if number == "free" else f"{10 + place}.0{place % 7}"
    told = {
        "order": number,
        "sku": sku,
        "qty": qty,
        "line_paid": paid,
        "topup_account": "13800000000",
    }
    return told | ({"status": "unpaid"} if "unpaid" in number else {})


@pytest.fixture
def sold(shop):
    """An order of every kind; money in odd sums, cards of known and unknown cost."""
    shop.seed_catalog()
    shop.run("product add BOX --name 礼盒 --kind goods --price 30")
    shop.run("product add CALL --name 话费 --kind topup --price 50 --supplier SUP")
    shop.run("product add GIFT --name 礼包 --kind bundle --component VIP=1 --component BOX=2")
    shop.run("product add OTHER --name 另一个 --price 9")
    shop.run("product add SCARCE --name 稀有 --price 9")
    shop.import_codes("VIP", [f"SOON-{n}" for n in range(4)], cost="7.77", expires="2090-01-01")
    shop.import_codes("VIP", [f"FREE-{n}" for n in range(3)], cost=None, expires="2095-01-01")
    shop.import_codes("VIP", [f"LATE-{n}" for n in range(20)])
    batch = shop.import_codes("OTHER", ["OTHER-1"])["batch"]
    shop.import_codes("SCARCE", ["SCARCE-1", "SCARCE-2"])
    orders = [order(place, number) for place, number in enumerate(LINES)]
    shop.run("order import - --channel TB", stdin="\n".join(map(json.dumps, orders)))
    shop.run(f"order issue {name('partly')} --partial", status=5)
    ready = (number for number in LINES if number not in WAITING)
    shop.run("order issue - --json", stdin="\n".join(map(name, ready)))
    for number in KEPT:
        shop.run(
            f"order add --channel TB --number {number} --sku VIP --paid 27 --unpaid --reserve 1h"
        )
    shop.run("order add --channel TB --number kept-and-paid --sku VIP --paid 27")
    shop.run(f"order cancel {name('cancelled')}")
    shop.run(f"order cancel {name('cancelled-unpaid')}")
    shop.run(f"order show {name('revealed')} --reveal --reason x")
    shop.run(f"delivery send {name('handed')} --via terminal")
    bad = shop.run(f"order show {name('replaced')} --json").json["cards"][0]["id"]
    shop.run(f"order replace {name('replaced')} --card {bad} --reason dead")
    shop.run(f"batch recall {batch} --reason dead --yes")
    shop.execute(
        "UPDATE card SET status = 'redeemed' WHERE order_id ="
        " (SELECT id FROM orders WHERE number = 'redeemed')"
    )
    shop.execute("UPDATE delivery SET attempts = 1 WHERE via = 'topup'")
    return shop


def carry_out(session, steps, *, at_once):
    """What was told of each order, step by step."""
    told = []
    for place, (names, wish, late) in enumerate(steps):
        run = Run(
            audit_key=bytes(32),
            verb="order.refund",
            actor=Actor("made-up", "made-up", None),
            at=(AFTER_SOME_EXPIRED if late else BEFORE) + place,
            code=f"R-{place}",
        )
        for part in [names] if at_once else [[one] for one in names]:
            if wish is CANCEL:
                result = cancel_within(session, run=run, names=part)
            else:
                result = refund_within(session, run=run, names=part, wish=wish)
            told += [(place, one.order, repr(one)) for one in result.done]
            told += [(place, one.order, str(one.problem)) for one in result.refused]
    return sorted(told)


def outcome(shop, steps, *, at_once):
    """What was told and what the store would be then; nothing is kept."""
    with shop.store.transaction(dry_run=True) as session:
        told = carry_out(session, steps, at_once=at_once)
        return told, [rows(session, table) for table in STATE]


def rows(session, table):
    """What a table holds, with the numbers of orders instead of their ids."""
    named = table.split()[0]
    joined = f" LEFT JOIN orders ON orders.bucket = {named}.bucket AND orders.id = {named}.order_id"
    query = f"SELECT {STATE[table]} FROM {table}{'' if named in WITHOUT_ORDER else joined}"
    return sorted(map(repr, session.connection().execute(text(query))))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_many_at_once_are_the_same_as_one_after_another(sold, steps, count_statements):
    with count_statements() as heard:
        many = outcome(sold, steps, at_once=True)
    assert many == outcome(sold, steps, at_once=False)
    # However many orders a step is of.
    assert len(heard) - len(STATE) <= STATEMENTS_MOST * len(steps)
