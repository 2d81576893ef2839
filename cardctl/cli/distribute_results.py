"""What the verbs of `distribute` show: their columns, and results as rows of them."""

from typing import TYPE_CHECKING, Any

from cardctl.cli.output import Column
from cardctl.cli.rejects import REJECT, SHOWN_MOST
from cardctl.errors import ExitStatus
from cardctl.vocabulary import PlanStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.distribution.plan import Planned
    from cardctl.distribution.progress import PlanRow, Progress
    from cardctl.distribution.run import RunResult

STOCK = (
    Column("product", "SKU"),
    Column("wanted", "wanted"),
    Column("available", "available"),
    Column("short", "short"),
    Column("cost_fen", "cost"),
    Column("cost_missing", "without a cost"),
    Column("frozen", "frozen"),
)
_NAMED = (
    Column("plan", "plan"),
    Column("status", "status"),
    Column("channel", "channel"),
    Column("customer", "customer"),
    Column("via", "via"),
)
PLANNED = (
    *_NAMED,
    Column("outcome", "outcome"),
    Column("recipients", "recipients"),
    Column("lines", "lines"),
    Column("cards", "cards"),
    Column("price_fen", "price each"),
    Column("total_fen", "price of the whole"),
    Column("cost_fen", "cost"),
    Column("cost_missing", "without a cost"),
    Column("short", "short"),
    Column("stock", "stock", of=STOCK),
    Column("problem_count", "problems in all"),
    Column("problems", "problems", of=REJECT),
)
PROGRESS = (
    *_NAMED,
    Column("planned_at", "planned at"),
    Column("recipients", "recipients"),
    Column("assigned", "assigned"),
    Column("delivered", "delivered to"),
    Column("short", "short"),
    Column("unsent", "not sent yet"),
    Column("retrying", "to be tried again"),
    Column("failed", "failed"),
    Column("held", "held"),
    Column("waiting", "waiting"),
    Column("cancelled", "cancelled"),
    Column("last_error", "last error"),
    Column("hint", "next command"),
)
RAN = (*PROGRESS, Column("outcome", "outcome"), Column("conflicts", "conflicts"))
CANCELLED = (
    Column("plan", "plan"),
    Column("status", "status"),
    Column("cancelled", "cancelled"),
    Column("restocked", "cards for sale again"),
    Column("unchanged", "unchanged"),
    Column("left", "left as they are"),
    Column("orders", "orders"),
)
PLAN = (
    *_NAMED,
    Column("recipients", "recipients"),
    Column("cards", "cards"),
    Column("price_fen", "price each"),
    Column("file", "file"),
    Column("planned_at", "planned at"),
)


def planned_row(planned: "Planned", problems: "Sequence[dict[str, object]]") -> dict[str, Any]:
    """A plan with the first of its problems; `unchanged` where it was there."""
    facts = {
        column.name: getattr(planned, column.name)
        for column in PLANNED
        if not column.name.startswith("problem")
    }
    return facts | {"problem_count": len(problems), "problems": list(problems[:SHOWN_MOST])}


def plan_status(planned: "Planned") -> ExitStatus:
    """What planning ends with."""
    if planned.problems:
        return ExitStatus.INPUT_REFUSED
    return ExitStatus.NEEDS_PERSON if planned.short else ExitStatus.DONE


def progress_row(progress: "Progress") -> dict[str, Any]:
    """How far a plan is, and what brings it on."""
    facts = {column.name: getattr(progress, column.name, None) for column in PROGRESS}
    return facts | {"hint": "; ".join(_next_commands(progress)) or None}


def _next_commands(progress: "Progress") -> list[str]:
    """What brings a plan on, one after the other."""
    again = f"cardctl distribute run {progress.plan}"
    sends = progress.via is not None
    if progress.status == PlanStatus.CANCELLED:
        return []
    if progress.failed and sends:
        # Whose address is wrong is in the report, where there are several.
        named = [f"cardctl distribute report {progress.plan} --out FILE.xlsx"]
        edited = [f"cardctl order edit {progress.refused} --email ADDRESS --reason TEXT"]
        first = named if progress.failed > 1 else []
        return [*first, *(edited if progress.refused else []), f"{again} --retry-failed"]
    if progress.short:
        return ["cardctl batch import FILE --supplier CODE", again]
    goes_on = sends and (progress.retrying or progress.unsent)
    return [again] if goes_on or progress.status == PlanStatus.PLANNED else []


def ran_row(result: "RunResult") -> dict[str, Any]:
    """How far a plan is after a run; a conflict is a failure, too."""
    return progress_row(result.progress) | {
        "outcome": result.outcome,
        "conflicts": result.conflicts,
    }


def run_status(result: "RunResult") -> ExitStatus:
    """What a run ends with."""
    done = result.progress.complete and not result.conflicts
    return ExitStatus.DONE if done else ExitStatus.NEEDS_PERSON


def plan_row(plan: "PlanRow") -> dict[str, Any]:
    """A plan in the list of plans."""
    return plan._asdict() | {"plan": plan.name}
