"""vault on whole command lines: its slots, rotating, and a check that finds what was swapped."""

import pytest
from sqlalchemy import insert
from sqlmodel import Session

from cardctl.identifiers import card_code, fingerprint_bucket, new_ids
from cardctl.schema.cards import batches, cards, data_keys
from cardctl.storage.store import writing
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.mask import mask
from cardctl.vault.sealing import CardOpener, new_batch_key
from cardctl.vault.slot_key import new_slot_key
from tests.support.vaults import unlock_with_key_file

FIRST_BATCH, SECOND_BATCH = 11, 12
PER_BATCH = 6


def secret_of(batch_id, place):
    return f"MADE-UP-{batch_id}-{place}"


@pytest.fixture
def stocked(shop):
    """Two products, and two batches of the first with sealed cards."""
    shop.run("supplier add SUP --name 批发商")
    shop.run("product add VIP --name 会员 --price 28")
    shop.run("product add OTHER --name 其他 --price 28")
    vault = unlock_with_key_file(shop)
    with writing(shop.store.engine) as session:
        for batch_id in (FIRST_BATCH, SECOND_BATCH):
            put_batch(session, vault, batch_id)
    return shop


def digest_of(vault, text):
    folded = canonical(text, fold_case=False, fold_hyphens=True)
    return fingerprint(vault.fingerprint_key, key_space="shared", canonical=folded)


def put_batch(session: Session, vault, batch_id):
    connection = session.connection()
    product_id, supplier_id = (
        connection.exec_driver_sql(statement).scalar_one()
        for statement in (
            "SELECT id FROM product WHERE sku = 'VIP'",
            "SELECT id FROM supplier WHERE code = 'SUP'",
        )
    )
    key, row = new_batch_key(vault, batch_id=batch_id)
    counts = dict.fromkeys(
        (
            "row_count",
            "imported_count",
            "rejected_count",
            "duplicate_count",
            "cost_missing_count",
            "cost_fen",
            "imported_at",
            "run_id",
        ),
        0,
    )
    same = {"product_id": product_id, "pool_id": 1, "batch_id": batch_id}
    connection.execute(
        insert(batches).values(
            id=batch_id,
            code=f"B-{batch_id}",
            product_id=product_id,
            supplier_id=supplier_id,
            pool_id=1,
            status="imported",
            file_name="made-up.csv",
            file_sha256=f"{batch_id:064}",
            **counts,
        )
    )
    connection.execute(insert(data_keys).values(**row.model_dump()))
    for place, card_id in enumerate(new_ids(PER_BATCH)):
        text = secret_of(batch_id, place)
        digest = digest_of(vault, text)
        at = {
            "bucket": fingerprint_bucket(digest),
            "card_id": card_id,
            "product_id": product_id,
        }
        connection.execute(
            insert(cards).values(
                bucket=at["bucket"],
                id=card_id,
                fingerprint=digest,
                seat=1,
                status="available",
                sealed_secret=key.seal("secret", **at, plaintext=text.encode()),
                masked=mask(text),
                expires_at=2**62,
                status_at=0,
                **same,
            )
        )


def read_all(shop, vault):
    """Every secret in clear, by the code of its card."""
    with shop.store.reading() as session:
        opener = CardOpener(session, vault)
        return sorted(
            opener.open(
                "secret",
                batch_id=row.batch_id,
                bucket=row.bucket,
                card_id=row.id,
                product_id=row.product_id,
                sealed=row.sealed_secret,
            ).decode()
            for row in session.connection().execute(cards.select())
        )


EVERY_SECRET = sorted(
    secret_of(batch_id, place)
    for batch_id in (FIRST_BATCH, SECOND_BATCH)
    for place in range(PER_BATCH)
)


def findings(shop, status=7):
    found = shop.run("vault verify --json", status=status).json["findings"]
    return {(each["kind"], each["subject"]) for each in found}


def two_cards(shop):
    """The places of one card of each batch: (bucket, id)."""
    return [
        shop.sql("SELECT bucket, id FROM card WHERE batch_id = :batch ORDER BY id", batch=batch)[0]
        for batch in (FIRST_BATCH, SECOND_BATCH)
    ]


def test_an_untouched_vault_is_whole(stocked):
    shown = stocked.run("vault verify --json").json
    assert (shown["slots"], shown["data_keys"], shown["cards"]) == (1, 2, 2 * PER_BATCH)
    assert shown["findings"] == []


def test_after_rotating_every_slot_opens_and_every_card_reads(stocked):
    for line in (
        "vault slot add keyfile --scope import --out import.key",
        "vault slot add keyfile --out second.key --label 仓库",
        "vault slot add recovery --out recovery.txt",
    ):
        stocked.run(line)
    slots = stocked.run("vault slot list --json").json
    for version in (2, 3):
        rotated = stocked.run("vault rotate --json").json
        assert rotated == {"sealing_version": version, "slots": 4, "data_keys": 2}
    assert [slot["slot"] for slot in stocked.run("vault slot list --json").json] == [
        slot["slot"] for slot in slots
    ]
    for name, status in (("second.key", 0), ("recovery.txt", 0), ("import.key", 8)):
        shown = stocked.run(["--key-source", f"file:{name}", "vault", "verify"], status=status)
        assert "MADE-UP" not in shown.stdout + shown.stderr
    assert stocked.sql("SELECT DISTINCT sealing_version FROM data_key") == [(3,)]
    assert read_all(stocked, unlock_with_key_file(stocked)) == EVERY_SECRET
    stocked.run("audit verify")


def test_a_dry_run_rotates_nothing(stocked):
    before = stocked.sql("SELECT id, sealed FROM data_key ORDER BY id")
    shown = stocked.run("vault rotate --dry-run --json").json
    assert (shown["sealing_version"], shown["dry_run"]) == (2, True)
    assert stocked.sql("SELECT id, sealed FROM data_key ORDER BY id") == before
    assert findings(stocked, status=0) == set()


def test_an_import_key_opens_and_rotates_nothing(stocked):
    stocked.run("vault slot add keyfile --scope import --out import.key")
    importing = {"CARDCTL_KEY_FILE": "import.key"}
    for line in ("vault rotate", "vault slot add recovery --out x.txt"):
        refused = stocked.run(line, env=importing, status=7)
        assert "error[needs-full-key]" in refused.stderr
    assert not (stocked.folder / "x.txt").exists()
    shown = stocked.run("vault verify --json", env=importing, status=8).json
    assert (shown["data_keys"], shown["cards"], shown["findings"]) == (2, None, [])


TAMPERINGS = {
    "two secrets swapped": (
        "sealed_secret = (SELECT c.sealed_secret FROM card c WHERE c.id = :second)"
    ),
    "moved to another product": "product_id = (SELECT id FROM product WHERE sku = 'OTHER')",
    "moved to another batch": "batch_id = 12",
    "nothing but zeros": "sealed_secret = :junk",
    "secret shown as number": "sealed_number = sealed_secret",
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_card_is_named(stocked, name):
    (bucket, first), (_, second) = two_cards(stocked)
    change, given = TAMPERINGS[name], {"second": second, "junk": bytes(60)}
    wanted = {key: value for key, value in given.items() if f":{key}" in change}
    assert stocked.execute(f"UPDATE card SET {change} WHERE id = :id", id=first, **wanted) == 1
    assert findings(stocked) == {("card-changed", card_code(bucket, first))}


@pytest.mark.parametrize("change", ["sealed_number = NULL", "fingerprint = :other"])
def test_a_key_that_could_be_sold_again_is_named(shop, change):
    """Without its number, or under another fingerprint, the same key could be imported again."""
    shop.seed_catalog()
    shop.import_codes("CARDP", [("9900-0001", "made-up-password")])
    ((bucket, card_id, digest),) = shop.sql("SELECT bucket, id, fingerprint FROM card")
    other = bytes(digest)[:2] + bytes(14)
    shop.execute(f"UPDATE card SET {change}", **({"other": other} if ":other" in change else {}))
    assert findings(shop) == {("fingerprint-changed", card_code(bucket, card_id))}


def test_a_row_copied_to_another_batch_is_named(stocked):
    (bucket, first), _ = two_cards(stocked)
    changed = {"id": "77", "batch_id": "12", "seat": "2"}
    copied = ", ".join(changed.get(column.name, column.name) for column in cards.columns)
    stocked.execute(f"INSERT INTO card SELECT {copied} FROM card WHERE id = :id", id=first)
    assert findings(stocked) == {("card-changed", card_code(bucket, 77))}


def test_exchanged_data_keys_are_named(stocked):
    stocked.execute(
        "UPDATE data_key SET sealed = (SELECT k.sealed FROM data_key k WHERE k.batch_id = 12)"
        " WHERE batch_id = 11"
    )
    found = findings(stocked)
    assert ("data-key-changed", "B-11") in found
    assert len(found) == 1 + PER_BATCH


def test_a_data_key_of_an_unknown_version_is_named(stocked):
    stocked.execute("UPDATE data_key SET sealing_version = 9 WHERE batch_id = 11")
    assert ("data-key-unknown", "B-11") in findings(stocked)


def test_a_swapped_keyset_is_found(stocked):
    stocked.run("vault slot add keyfile --scope import --out import.key")
    stocked.execute(
        "UPDATE slot SET sealed_keyset ="
        " (SELECT s.sealed_keyset FROM slot s WHERE s.scope = 'full') WHERE scope = 'import'"
    )
    ((slot,),) = stocked.sql("SELECT code FROM slot WHERE scope = 'import'")
    assert findings(stocked) == {("slot-changed", slot)}
    refused = stocked.run("vault verify", env={"CARDCTL_KEY_FILE": "import.key"}, status=7)
    assert "error[slot-tampered]" in refused.stderr


def test_slots_are_held_against_the_audit_log(stocked):
    added = stocked.run("vault slot add keyfile --out second.key --json").json["slot"]
    kept = stocked.sql("SELECT * FROM slot WHERE code = :code", code=added)[0]
    stocked.execute("DELETE FROM slot WHERE code = :code", code=added)
    assert findings(stocked) == {("slot-gone", added)}
    put_back(stocked, kept)
    assert findings(stocked, status=0) == set()
    stocked.run(f"vault slot remove {added} --yes")
    put_back(stocked, kept)
    assert findings(stocked) == {("slot-unrecorded", added)}


def put_back(shop, values):
    given = {f"v{place}": value for place, value in enumerate(values)}
    marks = ", ".join(f":{name}" for name in given)
    shop.execute(f"INSERT INTO slot VALUES ({marks})", **given)


def test_a_slot_from_before_a_rotation_is_found(stocked):
    (old,) = stocked.sql("SELECT * FROM slot")
    ((code,),) = stocked.sql("SELECT code FROM slot")
    stocked.run("vault slot add keyfile --out second.key")
    stocked.run("vault rotate")
    stocked.execute("DELETE FROM slot WHERE code = :code", code=code)
    put_back(stocked, old)
    second = {"CARDCTL_KEY_FILE": "second.key"}
    found = stocked.run("vault verify --json", env=second, status=7).json["findings"]
    assert [(each["kind"], each["subject"]) for each in found] == [("slot-outdated", code)]
    kinds = {kind for kind, _ in findings(stocked)}
    assert "keyset-outdated" in kinds


def test_one_slot_is_checked_with_its_own_key(stocked):
    added = stocked.run("vault slot add keyfile --out second.key --json").json["slot"]
    stocked.run(f"vault verify --slot {added}", env={"CARDCTL_KEY_FILE": "second.key"})
    refused = stocked.run(f"vault verify --slot {added}", status=7)
    assert "error[other-slot]" in refused.stderr
    stocked.run("vault verify --slot S-NOBODY", status=4)


def test_status_needs_no_key(stocked):
    shown = stocked.run("vault status --json").json
    assert shown["key_source"] == f"file:{stocked.home}/keys/cardctl.key"
    (stocked.home / "keys" / "cardctl.key").unlink()
    shown = stocked.run("vault status --json", env={"CARDCTL_KEY_COMMAND": "pass x"}).json
    assert shown["key_source"] == "command:pass x"
    assert [slot["scope"] for slot in shown["slots"]] == ["full"]
    stocked.run("vault status", env={"CARDCTL_KEY": "a", "CARDCTL_KEY_FD": "3"}, status=2)


BAD_KEY_FILES = (
    (None, 0o600, "key-unreadable"),
    ("hunter2-MADE-UP", 0o600, "malformed-key"),
    ("CARDCTL-KEY-1-" + "0" * 56, 0o600, "malformed-key"),
    ("CARDCTL-KEY-1-" + "0" * 56, 0o644, "key-exposed"),
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bad_key_file_is_told(shop, language):
    path = shop.home / "keys" / "cardctl.key"
    path.unlink()
    for content, mode, code in BAD_KEY_FILES:
        if content:
            path.write_text(content)
            path.chmod(mode)
        refused = shop.run(["--lang", language, "vault", "rotate"], status=7)
        assert f"[{code}]" in refused.stderr
        assert "hunter2" not in refused.stderr
    assert shop.sql("SELECT keyset_version FROM slot") == [(1,)]


def test_a_wrong_key_is_told(shop):
    wrong = {"CARDCTL_KEY": new_slot_key().text().reveal()}
    refused = shop.run("vault rotate", env=wrong, status=7)
    assert "error[wrong-key]: wrong key for this store" in refused.stderr


def test_slots_come_and_go(stocked):
    added = stocked.run("vault slot add keyfile --out second.key --label 仓库 --json").json
    assert (added["kind"], added["scope"], added["label"]) == ("keyfile", "full", "仓库")
    assert added["key_file"] == "second.key"
    assert (stocked.folder / "second.key").stat().st_mode & 0o777 == 0o600
    stocked.run("vault slot add keyfile --out second.key", status=5)
    stocked.run(f"vault slot remove {added['slot']}", status=2)
    assert len(stocked.run("vault slot list --json").json) == 2
    stocked.run(f"vault slot remove {added['slot']} --yes")
    stocked.run("vault verify", env={"CARDCTL_KEY_FILE": "second.key"}, status=7)
    (last,) = stocked.run("vault slot list --json").json
    refused = stocked.run(f"vault slot remove {last['slot']} --yes", status=5)
    assert "error[last-full-slot]" in refused.stderr


def test_a_new_key_needs_a_place(stocked):
    for line in (
        "vault slot add keyfile",
        "vault slot add recovery",
        "vault slot add passphrase",
        "vault slot add passphrase --out x",
    ):
        stocked.run(line, status=2)
    stocked.run("vault slot add keyfile --out none/x.key", status=2)
    assert len(stocked.sql("SELECT code FROM slot")) == 1


def test_a_dry_run_writes_no_key(stocked):
    shown = stocked.run("vault slot add keyfile --out second.key --dry-run --json").json
    assert shown["dry_run"] is True
    assert not (stocked.folder / "second.key").exists()
    assert len(stocked.sql("SELECT code FROM slot")) == 1
