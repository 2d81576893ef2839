"""The refund law, pure: however issues and refunds interleave, the books say what is earned."""

from hypothesis import given
from hypothesis import strategies as st

from cardctl.ledger.postings import recognised_fen
from cardctl.orders.refund_shares import RefundLine, share_refund

LINES = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**7)), min_size=1, max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["issue", "refund"]), st.integers(0, 100)), max_size=12)


def earned(line):
    return recognised_fen(line.left_fen, issued=line.issued_qty, qty=line.qty)


@given(LINES, STEPS)
def test_every_split_of_refunds_among_issues_ends_at_exactly_nothing(lines, steps):
    """A step issues so many per cent of each line, or pays back so many of what is left."""
    now = [RefundLine(id_, 1, qty, 0, paid, 0) for id_, (qty, paid) in enumerate(lines)]
    posted = [0] * len(now)
    paid_back = 0
    for kind, percent in [*steps, ("refund", 100)]:
        if kind == "issue":
            more = [(line.qty - line.issued_qty) * percent // 100 for line in now]
            after = [
                line._replace(issued_qty=line.issued_qty + n)
                for line, n in zip(now, more, strict=True)
            ]
            posted = [
                fen + earned(new) - earned(old)
                for fen, new, old in zip(posted, after, now, strict=True)
            ]
        else:
            amount = sum(line.left_fen for line in now) * percent // 100
            shares = share_refund(now, amount)
            assert sum(shares) == amount
            falls = [line.fall_fen(share) for line, share in zip(now, shares, strict=True)]
            assert all(
                0 <= fall <= share <= line.left_fen
                for fall, share, line in zip(falls, shares, now, strict=True)
            )
            posted = [fen - fall for fen, fall in zip(posted, falls, strict=True)]
            after = [
                line._replace(refunded_fen=line.refunded_fen + share)
                for line, share in zip(now, shares, strict=True)
            ]
            paid_back += amount
        now = after
        # The law: at any time, what is left of what was paid, as far as it is issued.
        assert posted == [earned(line) for line in now]
    assert paid_back == sum(paid for _, paid in lines)
    assert posted == [0] * len(now)


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**6), max_size=20))
def test_refunds_of_one_line_never_take_more_than_was_paid(paid, amounts):
    line = RefundLine(1, 1, 3, 2, paid, 0)
    for amount in amounts:
        (share,) = share_refund([line], min(amount, line.left_fen))
        line = line._replace(refunded_fen=line.refunded_fen + share)
    assert 0 <= line.left_fen <= paid
    assert line.fall_fen(line.left_fen) == line.left_fen * 2 // 3
