"""Single cards: found by their number without ever storing it, shown, written off."""

import pytest

from cardctl.identifiers import card_code


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2", "MADE-UP-3"])
    shop.import_codes("CARDP", [("0012345", "made-up-password")])
    return shop


def names(shop, status="available"):
    rows = shop.sql("SELECT bucket, id FROM card WHERE status = :status ORDER BY id", status=status)
    return [card_code(*row) for row in rows]


def test_find_by_number_whatever_its_hyphens(stocked):
    for typed in ("MADE-UP-2", "MADEUP2", " MADE-UP-2\n"):
        (found,) = stocked.run("card find - --json", stdin=typed).json
        assert (found["product"], found["status"], found["order"]) == ("VIP", "available", None)
    (found,) = stocked.run("card find - --json", stdin="0012345").json
    assert found["product"] == "CARDP"


def test_find_says_who_got_it(stocked):
    stocked.run("order add --channel TB --number 7 --sku CARDP --paid 100")
    stocked.run("order issue TB:7")
    (found,) = stocked.run("card find - --json", stdin="0012345\n").json
    assert (found["status"], found["order"], found["supplier"]) == ("issued", "TB:7", "SUP")
    assert found["issued_at"] is not None


def test_find_does_not_repeat_a_number_it_does_not_know(stocked):
    refused = stocked.run("card find -", stdin="SECRET-NUMBER-404", status=4)
    assert "SECRET-NUMBER-404" not in refused.stdout + refused.stderr


def test_a_number_on_the_command_line_is_refused_and_not_repeated(stocked):
    refused = stocked.run("card find MADE-UP-1", status=2)
    assert "MADE-UP-1" not in refused.stderr


def test_find_without_a_terminal_does_not_hang(stocked):
    for line, stdin in (("card find", ""), ("card find -", ""), ("card find -", " \n")):
        refused = stocked.run(line, status=2, stdin=stdin)
        assert "[number-missing]" in refused.stderr
        assert "cardctl card find -" in refused.stderr


def test_find_looks_for_one_number_and_says_when_there_are_more(stocked):
    assert stocked.run("card find -", stdin="MADE-UP-2\r\n\n").status == 0
    refused = stocked.run("card find -", stdin="MADE-UP-1\nMADE-UP-2\n", status=3)
    assert "[several-numbers]" in refused.stderr
    assert "MADE-UP" not in refused.stdout + refused.stderr


def test_show(stocked):
    name = names(stocked)[0]
    shown = stocked.run(f"card show {name} --json").json
    assert (shown["id"], shown["cost_fen"], shown["expires_on"]) == (name, 1_250, "2099-12-31")
    assert "MADE-UP" not in str(shown)
    stocked.run(f"card show {name[:-1]}0", status=4)
    stocked.run("card show nonsense", status=2)


def test_void_is_all_or_nothing_and_can_be_said_twice(stocked):
    stocked.run("order add --channel TB --number 1 --sku VIP --paid 28")
    stocked.run("order issue TB:1")
    (sold,) = names(stocked, "issued")
    free = names(stocked)
    refused = stocked.run(f"card void {free[0]} {sold} --yes --json", status=5)
    assert sold in refused.stderr
    assert len(names(stocked, "void")) == 0
    first = stocked.run(f"card void {free[0]} {free[1]} --yes --json").json
    assert (first["cards"], first["unchanged"]) == (2, 0)
    again = stocked.run(f"card void {free[0]} {free[1]} --yes --json").json
    assert (again["cards"], again["unchanged"]) == (0, 2)
    for check in ("stock check", "ledger check", "audit verify"):
        stocked.run(check)


@pytest.mark.prove
def test_void_takes_more_cards_than_one_statement_may_name(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(25_000)])
    voided = shop.run(["card", "void", *names(shop), "--yes", "--json"]).json
    assert (voided["cards"], voided["cost_fen"]) == (25_000, 31_250_000)


def test_void_asks_and_a_dry_run_keeps_nothing(stocked):
    name = names(stocked)[0]
    stocked.run(f"card void {name}", status=2)
    stocked.run(f"card void {name} --dry-run")
    assert names(stocked, "void") == []
