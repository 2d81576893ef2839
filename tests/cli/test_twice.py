"""Every command can be run again: the same line a second time changes nothing and says so.

A verb that writes has a row here, or a reason why the same line is to do the same work again.
"""

import importlib
import pkgutil
from dataclasses import dataclass, field

import pytest

import cardctl.schema
from cardctl.identifiers import card_code
from cardctl.schema.base import metadata
from cardctl.workbooks.write import SheetPage, write_sheets
from tests.cli.conftest import every_verb

# Every table is looked at, also one that no command has needed yet.
for module in pkgutil.iter_modules(cardctl.schema.__path__):
    importlib.import_module(f"cardctl.schema.{module.name}")

WRITING = sorted(path for path, command in every_verb() if command.verb.writes)

AGAIN_IS_MORE = {
    "config set": "a file of settings, of which there is no record in the store",
    "card redeem": "a card that was redeemed is refused, and the try is counted and recorded",
    "vault rotate": "it is asked for a new key, and makes one each time",
    "vault slot add": "it is asked for one more key, and makes one each time",
    "stock move": "it is asked to move so many more, and moves them each time",
    "distribute resend": "it is asked to send once more, and does each time",
    "order reserve": "it is asked for so long from now, and keeps the cards longer each time",
    "delivery password": "each time that passwords are told is recorded",
    "stock generate": "it is asked for so many more codes, and makes them each time",
}


@dataclass(frozen=True)
class Twice:
    """A line, what has to happen before it, and how the second document says that nothing did.

    In lines, ``{batch}`` is the newest batch, ``{card}`` a card that has a number and a password,
    ``{slot}`` the newest slot, ``{sold}`` a card that an order has.
    """

    line: str
    before: tuple[str, ...] = ()
    before_status: int = 0
    """What the last of those ends with."""
    told: dict[str, object] = field(default_factory=lambda: {"status": "unchanged"})
    second_status: int = 0
    moves: bool = True
    """Whether the first line has something to do here."""


NUMBER = "0001234"
ORDER = "order add --channel TB --number 1 --sku VIP --paid 28"

HOOK = "--url https://hook.example.test --secret-source env:HOOK_KEY"

PLAN = "distribute plan staff.csv --name spring"

MAPPED = "batch import keys.csv --product VIP --supplier SUP --expires never --map secret=code"

LINES = {
    "init": Twice("init --yes", moves=False),
    "store migrate": Twice("store migrate", moves=False),
    "vault slot remove": Twice(
        "vault slot remove {slot} --yes",
        before=("vault slot add keyfile --scope import --label x --out x.key",),
        told={"error": "not-found"},
        second_status=4,
    ),
    "product add": Twice("product add P --name x --price 3"),
    "product edit": Twice("product edit VIP --price 3"),
    "supplier add": Twice("supplier add S --name x"),
    "supplier edit": Twice("supplier edit SUP --cost-rate 90%"),
    "account add": Twice("account add A --name x --kind bank"),
    "account edit": Twice("account edit WX --settle-days 3"),
    "channel add": Twice("channel add C --name x --kind own"),
    "channel edit": Twice("channel edit TB --fee-rate 1%"),
    "pool add": Twice("pool add kept --channel TB"),
    "pool edit": Twice("pool edit kept --channel TB", before=("pool add kept",)),
    "batch import": Twice("batch import keys.csv --product VIP --supplier SUP --expires never"),
    "batch undo": Twice("batch undo {batch} --reason x --yes", told={"removed": 0}),
    "batch recall": Twice("batch recall {batch} --reason x --yes", told={"quarantined": 0}),
    "stock expire": Twice("stock expire", told={}, moves=False),
    "stock release": Twice("stock release", told={}, moves=False),
    "card void": Twice("card void {card} --reason x --yes", told={"cards": 0, "unchanged": 1}),
    "setup import": Twice("setup import setup.xlsx"),
    "supplier map add": Twice("supplier map add SUP theirs VIP"),
    "supplier map remove": Twice(
        "supplier map remove SUP theirs", before=("supplier map add SUP theirs VIP",)
    ),
    "channel map add": Twice("channel map add TB theirs VIP --variant x"),
    "channel map remove": Twice(
        "channel map remove TB theirs", before=("channel map add TB theirs VIP",)
    ),
    "supplier column forget": Twice("supplier column forget SUP", before=(MAPPED,)),
    "supplier password set": Twice("supplier password set SUP --password-source env:PW"),
    "supplier password remove": Twice(
        "supplier password remove SUP --yes",
        before=("supplier password set SUP --password-source env:PW",),
    ),
    # What comes of answers that are good is in tests/deliveries/test_topup.py.
    "delivery confirm": Twice("delivery confirm no-answers", told={"delivered": 0}, moves=False),
    "channel webhook set": Twice(f"channel webhook set TB {HOOK}"),
    "channel webhook remove": Twice(
        "channel webhook remove TB", before=(f"channel webhook set TB {HOOK}",)
    ),
    "supplier webhook set": Twice(f"supplier webhook set SUP {HOOK}"),
    "supplier webhook remove": Twice(
        "supplier webhook remove SUP", before=(f"supplier webhook set SUP {HOOK}",)
    ),
    "batch correct": Twice(
        "batch correct {batch} --cost 3 --reason x --yes", told={"outcome": "unchanged"}
    ),
    "batch release": Twice(
        "batch release {batch} --reason x --yes",
        before=("batch recall {batch} --reason x --yes",),
        told={"available": 0},
    ),
    "stock freeze": Twice("stock freeze --product VIP --reason x", told={"outcome": "unchanged"}),
    "stock unfreeze": Twice(
        "stock unfreeze --product VIP",
        before=("stock freeze --product VIP --reason x",),
        told={"outcome": "unchanged"},
    ),
    "card freeze": Twice("card freeze {card} --reason x", told={"cards": 0, "unchanged": 1}),
    "card unfreeze": Twice(
        "card unfreeze {card}",
        before=("card freeze {card} --reason x",),
        told={"cards": 0, "unchanged": 1},
    ),
    "card update": Twice(
        "card update {card} --secret-source env:PW --reason x --yes", told={"unchanged": 1}
    ),
    "order add": Twice(ORDER, told={"outcome": "unchanged"}),
    "order import": Twice("order import orders.csv --channel TB", told={"new": 0, "unchanged": 1}),
    "order run": Twice("order run orders.csv --channel TB --via terminal"),
    "distribute plan": Twice(PLAN, told={"outcome": "unchanged"}),
    "distribute cancel": Twice(
        "distribute cancel spring u1 --reason x --yes",
        before=(PLAN,),
        told={"cancelled": 0, "unchanged": 1},
    ),
    "distribute run": Twice(
        "distribute run spring", before=(PLAN,), told={"outcome": "unchanged", "assigned": 1}
    ),
    "order conflict resolve": Twice(
        "order conflict resolve TB:7 --take file",
        before=(
            "order add --channel TB --number 7 --sku VIP --paid 29",
            "order import orders.csv --channel TB",
        ),
        before_status=8,
        told={"outcome": "unchanged"},
    ),
    "order issue": Twice("order issue TB:1", before=(ORDER,), told={"issued": 0, "unchanged": 1}),
    "delivery send": Twice(
        "delivery send TB:1 --via terminal",
        before=(ORDER, "order issue TB:1"),
        told={"delivered": 0, "unchanged": 1},
    ),
    "delivery ship": Twice(
        "delivery ship TB:5 --carrier SF --tracking 0012",
        before=(
            "product add MUG --name x --kind goods",
            "order add --channel TB --number 5 --sku MUG --paid 9",
            "order issue TB:5",
        ),
        told={"shipped": 0, "unchanged": 1},
    ),
    "delivery retry": Twice("delivery retry --all-dead", told={"retried": 0}, moves=False),
    "order cancel": Twice("order cancel TB:1", before=(ORDER,), told={"was": "cancelled"}),
    "order refund": Twice(
        "order refund TB:1 --amount 5 --refund-no R1 --reason x",
        before=(ORDER, "order issue TB:1"),
        told={"outcome": "unchanged"},
    ),
    "order chargeback": Twice(
        "order chargeback TB:1 --reason x",
        before=(ORDER, "order issue TB:1"),
        told={"outcome": "unchanged"},
    ),
    "order replace": Twice(
        "order replace TB:1 --card {sold} --reason x",
        before=(ORDER, "order issue TB:1"),
        told={"outcome": "unchanged"},
    ),
    "order edit": Twice(
        "order edit TB:1 --email a@example.com --reason x",
        before=(ORDER,),
        told={"outcome": "unchanged"},
    ),
}


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    (shop.folder / "no-answers").write_text("\n")
    (shop.folder / "orders.csv").write_text("order,sku,paid\n7,VIP,28\n")
    (shop.folder / "staff.csv").write_text("recipient,sku\nu1,VIP\n")
    (shop.folder / "keys.csv").write_text("code\nMADE-UP-9\n")
    write_sheets(shop.folder / "setup.xlsx", [SheetPage("products", ("sku", "name"), [("P", "x")])])
    shop.import_codes("CARDP", [(NUMBER, "made-up")])
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2", "MADE-UP-3"])
    shop.env["PW"] = "another-made-up"
    shop.env["HOOK_KEY"] = "made-up-signing-key"
    return shop


def test_every_verb_that_writes_is_run_twice_or_says_why_not():
    assert sorted([*LINES, *AGAIN_IS_MORE]) == WRITING


@pytest.mark.parametrize("path", LINES)
def test_the_same_line_again_changes_nothing_and_says_so(stocked, path):
    twice = LINES[path]
    for line in twice.before:
        last = line == twice.before[-1]
        stocked.run(filled(stocked, line), status=twice.before_status if last else 0)
    line = filled(stocked, f"{twice.line} --json")
    before = everything(stocked)

    stocked.run(line, stdin=NUMBER)
    after_once = everything(stocked)
    again = stocked.run(line, stdin=NUMBER, status=twice.second_status)

    assert everything(stocked) == after_once
    assert (after_once != before) == twice.moves
    if "error" in twice.told:
        assert twice.told["error"] in again.error["code"]
    else:
        assert {name: again.json[name] for name in twice.told} == twice.told


def filled(shop, line):
    """A line with the names that only this store knows."""
    [(batch,)] = shop.sql("SELECT code FROM batch ORDER BY id DESC LIMIT 1")
    [card] = shop.sql(
        "SELECT bucket, card.id FROM card JOIN product ON product.id = product_id"
        " WHERE kind = 'card'"
    )
    [(slot,)] = shop.sql("SELECT code FROM slot ORDER BY id DESC LIMIT 1")
    sold = shop.sql("SELECT bucket, id FROM card WHERE order_id IS NOT NULL LIMIT 1")
    names = {"card": card_code(*card), "sold": card_code(*sold[0]) if sold else ""}
    return line.format(batch=batch, slot=slot, **names)


def everything(shop):
    """All rows of all tables, the audit log among them."""
    found = {}
    for table in metadata.sorted_tables:
        rows = shop.sql(f'SELECT * FROM "{table.name}"')
        found[table.name] = sorted(map(repr, rows))
    return found
