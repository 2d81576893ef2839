"""Share a refund out over the lines of an order, and what their revenue falls by. Pure; fen."""

from collections.abc import Sequence
from typing import NamedTuple

from cardctl.ledger.postings import recognised_fen
from cardctl.money import share_out


class RefundLine(NamedTuple):
    """What a refund needs to know of an order line."""

    id: int
    product_id: int
    qty: int
    issued_qty: int
    paid_fen: int
    refunded_fen: int

    @property
    def left_fen(self) -> int:
        """What was paid for it and not paid back."""
        return self.paid_fen - self.refunded_fen

    def fall_fen(self, share_fen: int) -> int:
        """By how much its revenue falls when so much more of it is paid back."""
        before = recognised_fen(self.left_fen, issued=self.issued_qty, qty=self.qty)
        left_fen = self.left_fen - share_fen
        return before - recognised_fen(left_fen, issued=self.issued_qty, qty=self.qty)


def share_refund(lines: Sequence[RefundLine], amount_fen: int) -> list[int]:
    """Each line's share of a refund, by what is left of it, and never more than that.

    So refunds one after another end at exactly nothing left of any line. The amount is not more
    than what is left of all.
    """
    return share_out(amount_fen, [line.left_fen for line in lines])
