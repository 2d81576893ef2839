"""Redeeming: once, whoever brings the number; and not by guessing."""

import pytest

from cardctl.identifiers import card_code

BOSS = {"CARDCTL_OPERATOR": "boss"}
CLERK = {"CARDCTL_OPERATOR": "clerk"}


@pytest.fixture
def sold(shop):
    """MADE-UP-1 and MADE-UP-2 are issued, MADE-UP-3 is not."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2", "MADE-UP-3"])
    shop.run("order add --channel TB --number 1 --sku VIP --qty 2 --paid 56")
    shop.run("order issue TB:1")
    return shop


def redeem(shop, number, *, status=0, env=CLERK, more=""):
    return shop.run(f"card redeem - --json {more}", stdin=number, status=status, env=env)


def statuses(shop):
    return sorted(row[0] for row in shop.sql("SELECT status FROM card"))


def tries(shop):
    return shop.sql("SELECT COUNT(*) FROM redeem_try WHERE at > 0")[0][0]


def test_a_card_is_redeemed_once_and_says_when(sold):
    told = redeem(sold, " made-up-1 ", status=4).error
    assert told["code"] == "not-found"
    redeemed = redeem(sold, "MADEUP-1\n").json
    assert (redeemed["product"], redeemed["order"], redeemed["seat"]) == ("VIP", "TB:1", 1)
    assert statuses(sold) == ["available", "issued", "redeemed"]
    refused = redeem(sold, "MADE-UP-1", status=5).error
    assert refused["code"] == "already-redeemed"
    assert refused["details"]["redeemed_at"] == redeemed["redeemed_at"]
    kinds = [one["kind"] for one in sold.run("order show TB:1 --json").json["events"]]
    assert kinds[-1] == "redeemed"
    for check in ("stock check", "ledger check", "audit verify"):
        sold.run(check)
    payloads = sold.sql("SELECT payload FROM audit_record")
    assert not any("MADE-UP-1" in payload or "MADEUP1" in payload for (payload,) in payloads)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("", "available"),
        (", status = 'void'", "void"),
        (", status = 'quarantined', quarantined_for = 'freeze'", "quarantined"),
        (", status = 'expired'", "expired"),
    ],
)
def test_only_what_a_buyer_has_is_redeemed(sold, change, said):
    sold.execute(f"UPDATE card SET status_at = 1{change} WHERE status = 'available'")
    refused = redeem(sold, "MADE-UP-3", status=5).error
    assert (refused["code"], refused["details"]["status"]) == ("cannot-redeem", said)
    assert (tries(sold), "redeemed" in statuses(sold)) == (1, False)
    chinese = sold.run("--lang zh card redeem -", stdin="MADE-UP-3", status=5).stderr
    assert said not in chinese


def test_a_card_whose_time_is_over_is_not_redeemed(sold):
    sold.execute("UPDATE card SET expires_at = 1")
    assert redeem(sold, "MADE-UP-1", status=5).error["details"]["status"] == "expired"


def test_each_seat_of_a_shared_card_is_redeemed_once(shop):
    shop.seed_catalog()
    shop.run("product add TEAM --name 共享卡 --seats 2 --price 10")
    shop.import_codes("TEAM", ["SHARED-1"])
    shop.run("order add --channel TB --number 1 --sku TEAM --qty 2 --paid 20")
    shop.run("order issue TB:1")
    assert [redeem(shop, "SHARED-1").json["seat"] for _ in range(2)] == [1, 2]
    assert redeem(shop, "SHARED-1", status=5).error["code"] == "already-redeemed"


def test_products_that_share_a_number_are_told_apart(sold):
    sold.run("product add OTHER --name 另一种 --price 10 --key-space other")
    sold.import_codes("OTHER", ["MADE-UP-1"])
    sold.run("order add --channel TB --number 2 --sku OTHER --paid 10")
    sold.run("order issue TB:2")
    refused = redeem(sold, "MADE-UP-1", status=5).error
    assert (refused["code"], refused["details"]["products"]) == ("several-products", "OTHER, VIP")
    assert redeem(sold, "MADE-UP-1", more="--product OTHER").json["order"] == "TB:2"
    redeem(sold, "MADE-UP-1", more="--product NOPE", status=4)
    assert tries(sold) == 1


def test_five_failed_tries_lock_their_actor_out_until_the_window_has_passed(sold, frozen_clock):
    for _ in range(4):
        redeem(sold, "GUESSED", status=4)
        frozen_clock.advance(seconds=60)
    redeem(sold, "MADE-UP-1")
    redeem(sold, "MADE-UP-1", status=5)
    locked = redeem(sold, "MADE-UP-2", status=5).error
    assert (locked["code"], locked["details"]["minutes"]) == ("locked-out", 11)
    # Refused tries count for nothing, and another name does not help.
    assert redeem(sold, "MADE-UP-2", status=5, env=BOSS).error["code"] == "locked-out"
    frozen_clock.advance(seconds=11 * 60)
    redeem(sold, "MADE-UP-2")
    assert statuses(sold) == ["available", "redeemed", "redeemed"]
    sold.run("audit verify")


def test_old_tries_are_forgotten(sold, frozen_clock):
    for _ in range(5):
        redeem(sold, "GUESSED", status=4)
    frozen_clock.advance(days=1)
    redeem(sold, "MADE-UP-1")
    assert tries(sold) == 0


def test_a_dry_run_redeems_nothing_but_its_failed_tries_count(sold):
    assert redeem(sold, "MADE-UP-1", more="--dry-run").json["dry_run"] is True
    assert (statuses(sold).count("issued"), tries(sold)) == (2, 0)
    for _ in range(5):
        redeem(sold, "GUESSED", more="--dry-run", status=4)
    assert redeem(sold, "MADE-UP-1", status=5).error["code"] == "locked-out"
    sold.run("audit verify")


def test_the_number_is_no_argument_and_never_repeated(sold):
    refused = sold.run("card redeem MADE-UP-1", status=2)
    assert "MADE-UP-1" not in refused.stderr
    assert "cardctl card redeem -" in refused.stderr
    assert "cardctl card redeem -" in sold.run("card redeem", status=2).stderr
    refused = redeem(sold, "SECRET-NUMBER-404", status=4)
    assert "SECRET-NUMBER-404" not in refused.stdout + refused.stderr


def test_of_several_at_once_one_wins(sold):
    ((bucket, card_id),) = sold.sql("SELECT bucket, id FROM card WHERE status = 'issued' LIMIT 1")
    shown = sold.run("order show TB:1 --reveal --reason test --json").json["cards"]
    number = next(one["secret"] for one in shown if one["id"] == card_code(bucket, card_id))
    processes = [
        sold.spawn("card redeem - --json", env={"CARDCTL_OPERATOR": f"clerk-{place}"})
        for place in range(4)
    ]
    for process in processes:
        process.stdin.write(number)
        process.stdin.close()
    ends = [(process.wait(timeout=120), process.stderr.read()) for process in processes]
    assert sorted(status for status, _ in ends) == [0, *[5] * 3]
    assert all("already-redeemed" in said for status, said in ends if status == 5)
    assert statuses(sold).count("redeemed") == 1
    sold.run("stock check")
    sold.run("audit verify")


def test_many_guesses_of_one_actor_at_once_do_not_all_pass(sold):
    for place in range(3):
        redeem(sold, f"GUESSED-BEFORE-{place}", status=4)
    processes = [sold.spawn("card redeem - --json", env=CLERK) for _ in range(4)]
    for place, process in enumerate(processes):
        process.stdin.write(f"GUESSED-{place}")
        process.stdin.close()
    ends = sorted(process.wait(timeout=120) for process in processes)
    assert ends == [4] * 2 + [5] * 2
    assert tries(sold) == 5
