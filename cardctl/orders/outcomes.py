"""What issuing answers: one outcome an order, and their count."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cardctl.vocabulary import OrderStatus

NAMED_MOST = 20
"""Products of which a reason says that they lack."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product of which an order wanted more than there was."""

    sku: str
    wanted: int
    found: int


def name_shortages(shortages: Sequence[Shortage]) -> str:
    """What was found of what was wanted, ``VIP 5/6, CARDP 0/1``; of many products the first."""
    named = [f"{one.sku} {one.found}/{one.wanted}" for one in shortages[:NAMED_MOST]]
    return ", ".join(named if len(shortages) <= NAMED_MOST else [*named, "…"])


@dataclass(frozen=True, slots=True)
class IssueOutcome:
    """What issuing did for one order: its status now, the cards bound, and why not more.

    `cause` is empty for a filled order, else ``short``, ``frozen``, ``unchanged`` or the
    forbidding status; `rule` is what holds or blocks an order, ``region-unknown VIP``: a product
    is named when it was judged just now.
    """

    order: str
    status: str
    cards: int
    cause: str = ""
    shortages: tuple[Shortage, ...] = ()
    rule: str = ""

    @property
    def reason(self) -> str:
        """The cause with what was found of what was wanted, ``short: VIP 5/6``, or the rule."""
        why = name_shortages(self.shortages) or self.rule
        return f"{self.cause}: {why}" if why else self.cause


@dataclass(slots=True)
class IssueResult:
    """The outcomes of a run, counted; `refused` are orders whose status forbids issuing."""

    issued: int = 0
    cards: int = 0
    short: int = 0
    held: int = 0
    blocked: int = 0
    frozen: int = 0
    """Orders that wait for frozen stock. Of all that wait only the first are named in `orders`."""
    unchanged: int = 0
    refused: int = 0
    orders: list[IssueOutcome] = field(default_factory=list)

    def add(self, outcome: IssueOutcome) -> None:
        """Count one more."""
        self.orders.append(outcome)
        self.cards += outcome.cards
        match outcome.cause:
            case "":
                self.issued += 1
            case "short":
                self.short += 1
            case OrderStatus.HELD:
                self.held += 1
            case OrderStatus.BLOCKED:
                self.blocked += 1
            case "frozen":
                self.frozen += 1
            case "unchanged":
                self.unchanged += 1
            case _:
                self.refused += 1
