"""The posting rules as laws: whatever is posted sums to zero, and parts sum to the whole."""

from hypothesis import given
from hypothesis import strategies as st

from cardctl.ledger.postings import (
    Returned,
    Sale,
    correct_lines,
    import_lines,
    issue_lines,
    move_lines,
    recognised_fen,
    refund_lines,
    replace_lines,
    undo_lines,
    void_lines,
)
from cardctl.vocabulary import LedgerAccount

FEN = st.integers(0, 10**12)
BEARERS = [
    LedgerAccount.STOCK,
    LedgerAccount.STOCK_LOSS,
    LedgerAccount.COST_OF_GOODS,
    LedgerAccount.REPLACEMENT,
]
SALES = st.lists(st.builds(Sale, st.integers(1, 5), FEN, FEN), max_size=5)


@given(SALES)
def test_an_issue_sums_to_zero_and_has_no_empty_line(sales):
    lines = issue_lines(account="WX", sales=sales)
    assert sum(line.amount_fen for line in lines) == 0
    assert all(line.amount_fen for line in lines)


@given(SALES)
def test_an_issue_earns_what_was_paid_and_consumes_what_the_cards_cost(sales):
    totals = {}
    for line in issue_lines(account="WX", sales=sales):
        totals[line.account] = totals.get(line.account, 0) + line.amount_fen
    paid, cost = sum(one.revenue_fen for one in sales), sum(one.cost_fen for one in sales)
    assert totals.get(LedgerAccount.RECEIVABLE, 0) == paid
    assert totals.get(LedgerAccount.REVENUE, 0) == -paid
    assert totals.get(LedgerAccount.COST_OF_GOODS, 0) == cost
    assert totals.get(LedgerAccount.STOCK, 0) == -cost


@given(FEN)
def test_an_undo_reverses_an_import(cost_fen):
    facts = {"supplier": "SUP", "product_id": 1, "cost_fen": cost_fen}
    both = import_lines(**facts) + undo_lines(**facts)
    for account in (LedgerAccount.STOCK, LedgerAccount.PAYABLE):
        assert sum(line.amount_fen for line in both if line.account == account) == 0


@given(st.dictionaries(st.integers(1, 5), FEN))
def test_a_write_off_moves_stock_to_loss(costs):
    lines = void_lines(costs=costs)
    assert sum(line.amount_fen for line in lines) == 0
    loss = sum(line.amount_fen for line in lines if line.account == LedgerAccount.STOCK_LOSS)
    assert loss == sum(costs.values())


@given(st.dictionaries(st.sampled_from(BEARERS), st.integers(-(10**12), 10**12)))
def test_a_correction_owes_the_supplier_what_the_cards_rose(rises):
    lines = correct_lines(supplier="SUP", product_id=1, rises=rises)
    assert sum(line.amount_fen for line in lines) == 0
    assert all(line.amount_fen for line in lines)
    borne = {line.account: line.amount_fen for line in lines if line.party != "SUP"}
    assert borne == {account: rise for account, rise in rises.items() if rise}


@given(FEN, st.integers(-(10**12), 10**12))
def test_another_supplier_is_owed_the_old_cost_and_what_it_rose(old_fen, rise_fen):
    lines = import_lines(supplier="OLD", product_id=1, cost_fen=old_fen)
    lines += move_lines(supplier="NEW", supplier_was="OLD", cost_fen=old_fen)
    lines += correct_lines(supplier="NEW", product_id=1, rises={LedgerAccount.STOCK: rise_fen})
    owed = {"OLD": 0, "NEW": 0}
    for line in lines:
        if line.account == LedgerAccount.PAYABLE:
            owed[line.party] -= line.amount_fen
    assert owed == {"OLD": 0, "NEW": old_fen + rise_fen}


@given(FEN, st.lists(st.integers(1, 20), min_size=1, max_size=10))
def test_parts_issued_one_after_another_earn_exactly_what_was_paid(paid_fen, parts):
    qty, issued, earned = sum(parts), 0, []
    for part in parts:
        before = recognised_fen(paid_fen, issued=issued, qty=qty)
        issued += part
        earned.append(recognised_fen(paid_fen, issued=issued, qty=qty) - before)
    assert sum(earned) == paid_fen
    assert min(earned) >= 0


@given(SALES)
def test_a_whole_refund_with_its_cards_back_reverses_an_issue(sales):
    returned = [
        Returned(sale.product_id, LedgerAccount.COST_OF_GOODS, sale.cost_fen) for sale in sales
    ]
    falls = [(sale.product_id, sale.revenue_fen) for sale in sales]
    lines = refund_lines(account="WX", falls=falls, returned=returned)
    assert all(line.amount_fen for line in lines)
    left = {}
    for line in issue_lines(account="WX", sales=sales) + lines:
        place = line.account, line.party, line.product_id
        left[place] = left.get(place, 0) + line.amount_fen
    assert set(left.values()) <= {0}


@given(FEN)
def test_a_replacement_moves_stock_to_a_cost_of_its_own(cost_fen):
    lines = replace_lines(product_id=1, cost_fen=cost_fen)
    amounts = {line.account: line.amount_fen for line in lines}
    wanted = {LedgerAccount.REPLACEMENT: cost_fen, LedgerAccount.STOCK: -cost_fen}
    assert amounts == (wanted if cost_fen else {})
