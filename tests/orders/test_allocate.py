"""The rule of who gets which cards, by itself: shelves in memory, no database."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.allocate import Need, WaitingOrder, allocate, demand
from cardctl.stock.claim import PickedCard, Shelf

POOLS = st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True)
NEEDS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=3)
ORDERS = st.lists(st.tuples(POOLS, NEEDS), max_size=8)
STOCK = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.lists(st.integers(1, 9), max_size=6)
)


def make_orders(drawn):
    return [
        WaitingOrder(
            bucket=0,
            id=number,
            name=f"TB:{number}",
            status="paid",
            account="WX",
            pools=tuple(pools),
            needs=tuple(
                Need(
                    line_id=number * 10 + place,
                    product_id=product,
                    qty=qty,
                    issued_qty=0,
                    paid_fen=100,
                )
                for place, (product, qty) in enumerate(needs)
            ),
        )
        for number, (pools, needs) in enumerate(drawn)
    ]


def make_shelves(stock):
    """Shelves filled as a claim fills them: earliest expiry first."""
    shelves, card_id = {}, 0
    for product in (1, 2, 3):
        for pool in (1, 2, 3):
            shelf = Shelf(product, pool, good_until=0, waiting=False, locking=False)
            cards = []
            for expires_at in sorted(stock.get((product, pool), [])):
                card_id += 1
                cards.append(PickedCard(bucket=pool, id=card_id, expires_at=expires_at, cost_fen=1))
            shelf.put_back(cards)
            shelves[product, pool] = shelf
    return shelves


def cards_left(shelves):
    return [card for shelf in shelves.values() for card in shelf.take(1_000)]


@given(ORDERS, STOCK, st.booleans())
def test_no_card_is_given_twice_and_none_is_lost(drawn, stock, partial):
    shelves = make_shelves(stock)
    decided = [allocate(order, shelves, partial=partial) for order in make_orders(drawn)]
    given_cards = [card.id for one in decided for _, picked in one.given for card in picked]
    left = [card.id for card in cards_left(shelves)]
    assert max(Counter(given_cards + left).values(), default=1) == 1
    assert len(given_cards) + len(left) == sum(len(cards) for cards in stock.values())


@given(ORDERS, STOCK)
def test_an_order_gets_exactly_its_quantities_or_nothing(drawn, stock):
    shelves = make_shelves(stock)
    for order in make_orders(drawn):
        one = allocate(order, shelves, partial=False)
        if one.lacking:
            assert not one.given
        else:
            assert [len(picked) for _, picked in one.given] == [need.qty for need in order.needs]


@given(ORDERS, STOCK)
def test_a_partial_issue_gives_all_there_is_and_says_what_lacks(drawn, stock):
    shelves = make_shelves(stock)
    for order in make_orders(drawn):
        one = allocate(order, shelves, partial=True)
        lacking = sum(lack.wanted - lack.found for lack in one.lacking)
        assert one.card_count + lacking == sum(need.qty for need in order.needs)


@given(STOCK, POOLS, st.integers(1, 4))
def test_pools_are_tried_in_their_order_and_the_earliest_expiry_goes_first(stock, pools, qty):
    shelves = make_shelves(stock)
    (order,) = make_orders([(pools, [(1, qty)])])
    picked = [card for _, cards in allocate(order, shelves, partial=True).given for card in cards]
    wanted = [
        (pool, expires_at) for pool in pools for expires_at in sorted(stock.get((1, pool), []))
    ]
    assert [(card.bucket, card.expires_at) for card in picked] == wanted[:qty]


@given(ORDERS)
def test_demand_covers_every_shelf_an_order_may_look_at_in_one_order(drawn):
    orders = make_orders(drawn)
    wanted = demand(orders)
    assert list(wanted) == sorted(wanted)
    for order in orders:
        for need in order.needs:
            assert all(wanted[need.product_id, pool] >= need.qty for pool in order.pools)
