"""Another password for keys that are in the store, and whoever has one of them."""

import json

import pytest

from cardctl.identifiers import card_code

OLD, NEW = "made-up-old", "made-up-新-new"


@pytest.fixture
def names(shop):
    """The seats of a shared account: the first two with TB:1, the third on the shelf."""
    shop.seed_catalog()
    shop.run("product add SHARE --name 共享 --kind account --seats 3 --price 10")
    (shop.folder / "shared.csv").write_text(f"账号,密码\nmade-up,{OLD}\nmade-too,{OLD}\n", "utf-8")
    shop.run("batch import shared.csv --product SHARE --supplier SUP --expires never --cost 9")
    found = shop.run("card find - --json", stdin="made-up").json
    keys = [card["id"] for card in found]
    shop.execute("UPDATE card SET expires_at = expires_at - 1 WHERE masked LIKE '%up'")
    shop.run("order add --channel TB --number 1 --sku SHARE --qty 2 --paid 20 --buyer 张三")
    shop.run("order issue TB:1")
    return keys


def update(shop, card, password=NEW, *more, status=0, env=None):
    line = ["card", "update", card, "--secret-source", "env:PW", "--yes", "--json", *more]
    return shop.run(line, status=status, env={"PW": password, **(env or {})})


def secrets(shop, order="TB:1"):
    shown = shop.run(f"order show {order} --reveal --reason check --json").json
    return [card["secret"] for card in shown["cards"]]


def test_every_seat_gets_it_and_who_has_one_is_listed(shop, names):
    updated = update(shop, names[2]).json
    assert (updated["cards"], updated["unchanged"]) == (3, 0)
    (holder,) = updated["held_by"]
    assert (holder["order"], holder["status"], holder["cards"]) == ("TB:1", "issued", 2)
    assert holder["buyer"] == "张三"
    # Delivered before or not: what the order shows is the password that works.
    assert secrets(shop) == [NEW, NEW]
    shop.run("order add --channel TB --number 2 --sku SHARE --qty 4 --paid 40")
    shop.run("order issue TB:2")
    assert sorted(secrets(shop, "TB:2")) == sorted([NEW, OLD, OLD, OLD])
    found = shop.run("card find - --json", stdin="made-up").json
    assert [card["id"] for card in found] == names
    for check in ("stock check", "ledger check", "audit verify", "vault verify"):
        shop.run(check)


def test_several_data_keys_of_a_batch_rotate_and_verify_and_go_with_an_undo(shop, names):
    for password in ("one", "two", "three"):
        update(shop, names[0], password)
    assert shop.sql("SELECT count(*) FROM data_key") == [(4,)]
    assert shop.run("vault rotate --yes --json").json["data_keys"] == 4
    assert shop.run("vault verify --json").json["data_keys"] == 4
    assert secrets(shop) == ["three", "three"]
    update(shop, names[0], "four")
    assert secrets(shop) == ["four", "four"]
    shop.run("vault verify")


def test_data_keys_go_when_the_batch_is_undone_whole(shop):
    shop.seed_catalog()
    shop.import_codes("CARDP", [("001", OLD)])
    ((bucket, card_id, code),) = shop.sql(
        "SELECT card.bucket, card.id, batch.code FROM card JOIN batch ON batch.id = batch_id"
    )
    update(shop, card_code(bucket, card_id))
    shop.run(f"batch undo {code} --reason wrong --yes")
    assert shop.sql("SELECT count(*) FROM data_key") == [(0,)]


def test_the_same_password_again_is_unchanged_where_that_can_be_seen(shop, names):
    update(shop, names[0])
    records = shop.sql("SELECT count(*) FROM audit_record")
    again = update(shop, names[1]).json
    assert (again["cards"], again["unchanged"], len(again["held_by"])) == (0, 3, 1)
    assert shop.sql("SELECT count(*) FROM audit_record") == records


def test_a_key_that_only_imports_is_enough(shop, names):
    shop.run("vault slot add keyfile --scope import --out import.key --label intake")
    key = {"CARDCTL_KEY_FILE": str(shop.folder / "import.key")}
    shop.run("order show TB:1 --reveal --reason check", status=7, env=key)
    assert update(shop, names[0], env=key).json["cards"] == 3
    assert secrets(shop) == [NEW, NEW]


def test_a_table_brings_many(shop, names):
    other = shop.run("card find - --json", stdin="made-too").json[0]["id"]
    text = f"卡密编号,新密码\n{names[0]},{NEW}\n{names[1]},{NEW}\n{other},another\n"
    (shop.folder / "new.csv").write_text(text, "utf-8")
    line = "card update --from new.csv --orders tell.csv --yes --json"
    updated = shop.run(line).json
    assert (updated["cards"], len(updated["held_by"])) == (6, 1)
    assert "TB:1" in (shop.folder / "tell.csv").read_text("utf-8-sig")
    assert secrets(shop) == [NEW, NEW]
    shop.run("vault verify")


def test_bad_rows_are_told_by_their_numbers_and_nothing_is_changed(shop, names):
    rows = [
        (names[0], NEW),
        ("no-card", "a-secret-1"),
        (names[1], "a-\u200bsecret-2"),
        (names[2], ""),
        (names[0], "a-secret-3"),
        (names[1], "a-secret-4" + "x" * 4_000),
    ]
    text = "id\tpassword\n" + "".join(f"{card}\t{secret}\n" for card, secret in rows)
    line = "card update --from - --yes --json"
    refused = shop.run(line, stdin=text, status=3)
    details = json.loads(refused.stderr)["error"]["details"]
    assert details["rejects"] == [
        {"row": 3, "code": "bad-value"},
        {"row": 4, "code": "invisible-character"},
        {"row": 5, "code": "missing"},
        {"row": 6, "code": "password-twice"},
        {"row": 7, "code": "too-long"},
    ]
    assert "secret" not in refused.stdout + refused.stderr
    assert secrets(shop) == [OLD, OLD]


def test_two_seats_of_one_key_cannot_have_two_passwords(shop, names):
    text = f"id,password\n{names[0]},one\n{names[1]},two\n"
    refused = shop.run("card update --from - --yes --json", stdin=text, status=3)
    assert "password-twice" in refused.stderr
    assert secrets(shop) == [OLD, OLD]


def test_a_key_without_a_number_has_no_password(shop, names):
    shop.import_codes("VIP", ["MADE-UP-1"])
    (found,) = shop.run("card find - --json", stdin="MADE-UP-1").json
    refused = update(shop, found["id"], status=5)
    assert "secret-names-key" in refused.stderr
    assert NEW not in refused.stderr


def test_of_keys_sold_before_no_password_is_kept(shop, names):
    shop.execute(
        "UPDATE card SET status = 'already_sold', sealed_secret = NULL"
        " WHERE order_id IS NULL AND masked LIKE '%oo'"
    )
    card = shop.run("card find - --json", stdin="made-too").json[0]["id"]
    assert "no-secret-kept" in update(shop, card, status=5).stderr


def test_what_was_typed_is_checked_as_at_an_import(shop, names):
    for password in ("two\u200bparts", " edge", "x" * 4_001):
        refused = update(shop, names[0], password, status=3)
        assert password not in refused.stderr
    assert "--secret-source" in update(shop, names[0], "", status=2).stderr
    refused = shop.run(f"card update {names[0]} --secret-source pw:X --yes", status=2)
    assert "--secret-source" in refused.stderr
    update(shop, card_code(1, 1), status=4)


def test_it_asks_and_a_dry_run_keeps_nothing(shop, names):
    line = f"card update {names[0]} --secret-source env:PW"
    shop.run(line, status=2, env={"PW": NEW})
    shop.run([*line.split(), "--dry-run"], env={"PW": NEW})
    shop.run(f"card update {names[0]} --yes", status=2)
    assert secrets(shop) == [OLD, OLD]


def test_no_password_is_written_in_clear(shop, names):
    update(shop, names[0], "made-up-password-to-look-for", "--reason", "changed")
    rows = shop.sql("SELECT payload FROM audit_record")
    assert not any("look-for" in payload for (payload,) in rows)
    assert any('"card.update"' in payload for (payload,) in rows)
