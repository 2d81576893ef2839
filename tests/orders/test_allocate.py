"""The rule of who gets which cards, by itself: shelves in memory, no database."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.allocate import Lack, Need, WaitingOrder, allocate, demand
from cardctl.orders.outcomes import NAMED_MOST, IssueOutcome, Shortage
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
            parcels=tuple(
                (
                    Need(
                        line_id=number * 10 + place,
                        product_id=product,
                        qty=qty,
                        issued_qty=0,
                        paid_fen=100,
                    ),
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
    given_cards = [card.id for one in decided for grant in one.grants for card in grant.cards]
    left = [card.id for card in cards_left(shelves)]
    assert max(Counter(given_cards + left).values(), default=1) == 1
    assert len(given_cards) + len(left) == sum(len(cards) for cards in stock.values())


@given(ORDERS, STOCK)
def test_an_order_gets_exactly_its_quantities_or_nothing(drawn, stock):
    shelves = make_shelves(stock)
    for order in make_orders(drawn):
        one = allocate(order, shelves, partial=False)
        if one.lacking:
            assert not one.grants
        else:
            wanted = [need.qty for (need,) in order.parcels]
            assert [grant.qty for grant in one.grants] == wanted
            assert [len(grant.cards) for grant in one.grants] == wanted


@given(ORDERS, STOCK)
def test_a_partial_issue_gives_all_there_is_and_says_what_lacks(drawn, stock):
    shelves = make_shelves(stock)
    for order in make_orders(drawn):
        one = allocate(order, shelves, partial=True)
        lacking = sum(lack.wanted - lack.found for lack in one.lacking)
        assert one.card_count + lacking == sum(need.qty for (need,) in order.parcels)


@given(STOCK, POOLS, st.integers(1, 4))
def test_pools_are_tried_in_their_order_and_the_earliest_expiry_goes_first(stock, pools, qty):
    shelves = make_shelves(stock)
    (order,) = make_orders([(pools, [(1, qty)])])
    grants = allocate(order, shelves, partial=True).grants
    picked = [card for grant in grants for card in grant.cards]
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
        for (need,) in order.parcels:
            assert all(wanted[need.product_id, pool] >= need.qty for pool in order.pools)


BUNDLES = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@given(BUNDLES, STOCK, st.booleans())
def test_of_a_bundle_all_components_are_given_as_often_or_none(drawn, stock, partial):
    shelves = make_shelves(stock)
    for number, (times, components) in enumerate(drawn):
        parcel = tuple(
            Need(place, product, each * times, 0, 100, bundle_place=0, bundle_qty=times)
            for place, (product, each) in enumerate(components)
        )
        order = WaitingOrder(0, number, f"TB:{number}", "paid", "WX", (1, 2), (parcel,))
        one = allocate(order, shelves, partial=partial)
        each = {place: each for place, (_, each) in enumerate(components)}
        whole = {grant.qty // each[grant.need.line_id] for grant in one.grants}
        assert all(grant.qty == len(grant.cards) for grant in one.grants)
        assert len(one.grants) in (0, len(components))
        assert len(whole) <= 1
        assert all(grant.qty % each[grant.need.line_id] == 0 for grant in one.grants)
        if not partial:
            assert one.grants == [] or whole == {times}


@given(
    STOCK,
    st.lists(st.integers(1, 9), max_size=4),
    st.integers(1, 5),
    st.booleans(),
)
def test_what_is_reserved_comes_first_and_is_never_put_on_a_shelf(stock, kept, qty, partial):
    shelves = make_shelves(stock)
    before = sum(len(cards) for cards in stock.values())
    reserved = {0: [PickedCard(9, 100 + place, expiry, 1) for place, expiry in enumerate(kept)]}
    need = Need(0, 1, qty, 0, 100)
    order = WaitingOrder(
        *(0, 1, "TB:1", "paid", "WX", (1,), ((need,),)), reserved_until=1, reserved=reserved
    )
    one = allocate(order, shelves, partial=partial)
    for grant in one.grants:
        assert list(grant.cards[: grant.reserved]) == reserved[0][:qty]
        assert all(card.bucket != 9 for card in grant.cards[grant.reserved :])
    fresh = sum(len(grant.cards) - grant.reserved for grant in one.grants)
    assert len(cards_left(shelves)) + fresh == before
    assert all(card.bucket != 9 for card in cards_left(make_shelves(stock)))


def test_what_lacks_is_told_once_a_product_however_many_lines_want_it():
    (order,) = make_orders([([1], [(1, 1)] * 1_000 + [(2, 1)])])
    decided = allocate(order, make_shelves({(1, 1): [9] * 40}), partial=False)
    assert decided.short_of == [Lack(1, 1_000, 40), Lack(2, 1, 0)]

    lacking = tuple(Shortage(f"SKU{place}", 1, 0) for place in range(NAMED_MOST + 1))
    reason = IssueOutcome("TB:1", "short", 0, "short", lacking).reason
    assert reason.startswith("short: SKU0 0/1, SKU1 0/1")
    assert reason.endswith("SKU19 0/1, …")
