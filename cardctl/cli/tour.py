"""The tour: the main job on sample data, from an empty folder to a card in a buyer's hands."""

from pathlib import Path
from typing import NamedTuple

from cardctl.cli.language import _
from cardctl.errors import ExitStatus, StateForbids

PASSWORD_VARIABLE = "SAMPLE_PASSWORD"  # noqa: S105 -- the name of a variable
PASSWORD = "sample-2026"  # noqa: S105 -- of a made-up workbook; it stands in the README too

FILES = (
    "shop.xlsx",
    "cards-sealed.xlsx",
    "codes.xlsx",
    "codes-gbk.csv",
    "delivery.zip",
    "pasted.txt",
    "bad-rows.xlsx",
    "orders.csv",
    "orders/taobao.csv",
    "orders/taobao-items.csv",
    "staff.xlsx",
)
"""In the sample folder, and by the same names in the folder of the tour."""

_PLACES = (
    Path(__file__).parent.parent / "sample_data",
    Path(__file__).parent.parent.parent / "sample_data",
)
"""Beside the package's own files where it is installed, beside the package in its sources."""


class FolderInUse(StateForbids):
    """The tour was given a folder that holds something."""

    code = "folder-in-use"
    message = "the tour needs an empty folder, and {folder} is not empty"
    hint = "name another folder, or leave --home out"


class TourBroken(StateForbids):
    """A command of the tour did not end as it should."""

    code = "tour-broken"
    message = "the tour ends here: {line} ended with status {status} instead of {expected}"
    hint = "what it left is in {home}"


class Step(NamedTuple):
    """A command of the tour, why it is run, and how it is to end."""

    why: str
    line: str
    status: ExitStatus = ExitStatus.DONE


def sample_folder() -> Path:
    """Where the sample files are."""
    return next(place for place in _PLACES if (place / FILES[0]).exists())


def steps() -> list[Step]:
    """The commands in their order, in the language of the run."""
    return [*_stock_steps(), *_selling_steps(), *_proof_steps()]


def _stock_steps() -> list[Step]:
    """From an empty folder to keys that can be sold."""
    sealed = "cardctl batch import cards-sealed.xlsx --product GIFT100 --supplier SUP"
    return [
        Step(
            _("A new store, its key in a file, and a recovery code in another."),
            "cardctl init --key-source file:demo.key --recovery-out recovery.txt"
            " --timezone Asia/Shanghai",
        ),
        Step(
            _("Who delivers, where money arrives, where orders come from, and what is sold."),
            "cardctl setup import shop.xlsx",
        ),
        Step(
            _("The supplier's workbooks are protected by a password: it is sealed and remembered."),
            f"cardctl supplier password set SUP --password-source env:{PASSWORD_VARIABLE}",
        ),
        Step(_("First only a try."), f"{sealed} --dry-run"),
        Step(_("Then in earnest."), sealed),
        Step(_("The same file once more changes nothing."), sealed),
        Step(
            _("A plain workbook, and a csv in GBK with other words for its columns."),
            "cardctl batch import codes.xlsx --product VIP1M --supplier SUP",
        ),
        Step("", "cardctl batch import codes-gbk.csv --product VIP1M --supplier SUP"),
        Step(
            _("A zip of two workbooks that mix two products, in the supplier's words for them."),
            "cardctl batch import delivery.zip --supplier SUP",
        ),
        Step(
            _("What stood in a chat; lines that hold no key are listed."),
            "cardctl batch import pasted.txt --product GIFT100 --supplier SUP --cost 92.50"
            " --expires 2035-12-31",
        ),
        Step(
            _("A file with bad rows is refused whole, and every bad row is named."),
            "cardctl batch import bad-rows.xlsx --product VIP1M --supplier SUP",
            ExitStatus.INPUT_REFUSED,
        ),
    ]


def _selling_steps() -> list[Step]:
    """Orders, their cards, how those get to the buyers, and what goes back."""
    title = "样例视频会员 自动发货"
    password = f"--password-source env:{PASSWORD_VARIABLE}"
    return [
        Step(_("A day's orders."), "cardctl order import orders.csv --channel TB"),
        Step(
            _("Cards for all of them; one order wants more than there is, and waits."),
            "cardctl order issue --all",
            ExitStatus.NEEDS_PERSON,
        ),
        Step(
            _("Cards are masked; a reveal needs a reason, and is written down."),
            "cardctl order show TB:20261120000001 --reveal --reason 发给买家",
        ),
        Step(
            _("What a Taobao shop calls our products in its order list."),
            f"cardctl channel map add TB '{title}' --variant 月卡 VIP1M",
        ),
        Step("", f"cardctl channel map add TB '{title}' --variant 年卡 VIP1Y"),
        Step(
            _(
                "In one go: record the list, give cards, write them to an encrypted workbook;"
                " three of its orders need a look."
            ),
            "cardctl order run orders/taobao.csv --items orders/taobao-items.csv --channel TB"
            f" --via file --out cards.xlsx {password}",
            ExitStatus.NEEDS_PERSON,
        ),
        Step(
            _("Money that goes back; the same refund number once more changes nothing."),
            "cardctl order refund TB:351530000000000018 --refund-no R1 --reason 买家退款",
        ),
        Step(
            _("A company gives cards to its staff: the table is checked, then carried out."),
            "cardctl distribute plan staff.xlsx --name autumn --customer 样例公司 --price 25"
            " --via file",
        ),
        Step("", f"cardctl distribute run autumn --out staff-cards.xlsx {password}"),
    ]


def _proof_steps() -> list[Step]:
    """What is left, and that all of it is right."""
    return [
        Step(_("What is left, what it is worth, and what to look after."), "cardctl stock levels"),
        Step("", "cardctl stock alerts", ExitStatus.NEEDS_PERSON),
        Step("", "cardctl ledger balance"),
        Step(
            _("The proofs: cards and orders agree, the books balance, the record is whole."),
            "cardctl stock check",
        ),
        Step("", "cardctl ledger check"),
        Step("", "cardctl audit verify"),
        Step(_("What needs a person today."), "cardctl status"),
    ]
