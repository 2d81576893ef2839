"""init: a new store with its key; once made, nothing changes any more."""

import resource
import stat
import subprocess
import tomllib
from contextlib import suppress

import pytest
from sqlalchemy import text

from cardctl.upkeep import init_store as init_module
from cardctl.vault.slot_key import new_slot_key


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def config_of(shop):
    path = shop.home / "config.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def test_a_new_store_has_a_key_and_opens_with_it(bare_shop):
    made = bare_shop.run("init --json").json
    key_file = bare_shop.home / "keys" / "cardctl.key"
    assert made["status"] == "created"
    assert made["key_source"] == f"file:{key_file}"
    assert made["recovery"] is None
    assert (made["timezone"], made["language"]) == ("Asia/Shanghai", "en")
    assert mode_of(key_file) == 0o600
    assert mode_of(key_file.parent) == 0o700
    assert config_of(bare_shop)["key_source"] == made["key_source"]
    checked = bare_shop.run("vault verify --json").json
    assert (checked["slots"], checked["findings"]) == (1, [])
    bare_shop.run("audit verify")
    assert bare_shop.sql("SELECT id, code FROM pool") == [(1, "main")]
    if bare_shop.backend == "sqlite":
        assert mode_of(bare_shop.home / "cardctl.db") == 0o600


def test_twice_is_unchanged(bare_shop):
    first = bare_shop.run("init --json").json
    before = bare_shop.sql("SELECT count(*) FROM audit_record")
    again = bare_shop.run("init --json").json
    assert again == first | {"status": "unchanged"}
    assert bare_shop.sql("SELECT count(*) FROM audit_record") == before
    assert bare_shop.sql("SELECT count(*) FROM slot") == [(1,)]


def test_a_dry_run_keeps_nothing(bare_shop):
    shown = bare_shop.run("init --recovery-out recovery.txt --dry-run --json").json
    assert shown["dry_run"] is True
    assert list(bare_shop.home.iterdir()) == []
    assert list(bare_shop.folder.iterdir()) == []
    assert bare_shop.run("status", status=9)
    assert bare_shop.run("init --json").json["status"] == "created"


def test_a_recovery_code_opens_the_store(bare_shop):
    made = bare_shop.run("init --recovery-out recovery.txt --json").json
    path = bare_shop.folder / "recovery.txt"
    assert made["recovery"] == "recovery.txt"
    assert mode_of(path) == 0o600
    code = path.read_text().strip()
    (bare_shop.home / "keys" / "cardctl.key").unlink()
    bare_shop.run("audit verify", status=7)
    bare_shop.run("vault verify", env={"CARDCTL_KEY": code})
    added = bare_shop.run(
        ["--key-source", f"file:{path}", "vault", "slot", "add", "keyfile", "--out", "new.key"]
    )
    assert code not in added.stdout + added.stderr


def test_the_zone_and_the_language_are_kept(bare_shop):
    bare_shop.env.pop("CARDCTL_LANG")
    made = bare_shop.run("init --timezone Europe/Berlin --lang zh --json").json
    assert (made["timezone"], made["language"]) == ("Europe/Berlin", "zh")
    assert config_of(bare_shop)["language"] == "zh"
    assert bare_shop.store.zone.key == "Europe/Berlin"
    bare_shop.run("init --timezone Europe/Berlin")
    bare_shop.run("init --timezone Asia/Shanghai", status=5)


def test_an_unknown_zone_makes_nothing(bare_shop):
    bare_shop.run("init --timezone Mars/Olympus", status=2)
    assert list(bare_shop.home.iterdir()) == []


def test_a_named_key_file_is_made_or_taken(bare_shop, tmp_path):
    path = tmp_path / "elsewhere" / "shop.key"
    made = bare_shop.run(["init", "--key-source", f"file:{path}", "--json"]).json
    assert made["key_source"] == f"file:{path}"
    assert mode_of(path) == 0o600
    bare_shop.run("vault verify")


def test_a_key_that_others_can_read_is_not_taken(bare_shop):
    path = bare_shop.folder / "shop.key"
    path.write_text(new_slot_key().text().reveal())
    path.chmod(0o644)
    refused = bare_shop.run("init --key-source file:shop.key", status=7)
    assert "error[key-exposed]" in refused.stderr
    path.chmod(0o600)
    bare_shop.run("init --key-source file:shop.key")
    assert config_of(bare_shop)["key_source"] == f"file:{path}"


def test_a_key_of_the_environment_is_taken_and_not_written_down(bare_shop):
    line = new_slot_key().text().reveal()
    made = bare_shop.run("init --json", env={"CARDCTL_KEY": line})
    assert made.json["key_source"] == "env:CARDCTL_KEY"
    assert "key_source" not in config_of(bare_shop)
    assert not (bare_shop.home / "keys").exists()
    bare_shop.run("vault verify", env={"CARDCTL_KEY": line})
    bare_shop.run("vault verify", status=7)
    files = [path for path in bare_shop.home.rglob("*") if path.is_file()]
    assert not any(line.encode() in path.read_bytes() for path in files)


def test_a_malformed_key_of_the_environment_makes_nothing(bare_shop):
    refused = bare_shop.run("init", env={"CARDCTL_KEY": "hunter2-MADE-UP"}, status=7)
    assert "error[malformed-key]" in refused.stderr
    assert "hunter2" not in refused.stderr
    assert bare_shop.run("init --json").json["status"] == "created"


def test_a_second_store_in_one_home_keeps_the_first_one_s_key(bare_shop, tmp_path):
    bare_shop.run("init")
    before = config_of(bare_shop)
    second = ["--store", f"sqlite:///{tmp_path / 'second.db'}"]
    key = tmp_path / "second.key"
    bare_shop.run([*second, "init", "--key-source", f"file:{key}"])
    assert config_of(bare_shop) == before
    bare_shop.run([*second, "--key-source", f"file:{key}", "vault", "verify"])
    bare_shop.run("vault verify")


def test_the_recovery_code_is_not_the_key_itself(bare_shop):
    bare_shop.run("init --key-source file:a.key --recovery-out a.key", status=5)
    assert bare_shop.run("init --key-source file:a.key --json").json["status"] == "created"


def test_somebody_else_s_database_is_left_alone(bare_shop):
    engine = init_module.make_engine(init_module.parse_store_url(bare_shop.url))
    with init_module.writing(engine) as session:
        session.connection().execute(text("CREATE TABLE theirs (id INTEGER)"))
    refused = bare_shop.run("init", status=5)
    assert "error[not-empty]" in refused.stderr


def test_a_store_that_cannot_be_made_says_so(bare_shop):
    refused = bare_shop.run("--store sqlite:////proc/none/cardctl.db init", status=9)
    assert "error[store-unreachable]" in refused.stderr


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_on_a_full_disk_it_says_so_and_the_next_attempt_finishes(bare_shop):
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    process = bare_shop.spawn("init", env=env, preexec_fn=_let_no_file_grow)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (9, "")
    assert "\nhint: " in err
    bare_shop.run("init")
    bare_shop.run("vault verify")


def _let_no_file_grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize("step", ["upgrade", "make_slot", "begin_run"])
def test_interrupted_anywhere_the_next_attempt_finishes(bare_shop, monkeypatch, step):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(init_module, step, stop)
        bare_shop.run("init --recovery-out recovery.txt", status=130)
    bare_shop.run("status", status=9)
    key = (bare_shop.home / "keys" / "cardctl.key").read_text()
    made = bare_shop.run("init --recovery-out recovery.txt --json").json
    assert made["status"] == "created"
    assert (bare_shop.home / "keys" / "cardctl.key").read_text() == key
    assert bare_shop.run("vault verify --json").json["findings"] == []


def test_killed_at_any_moment_the_next_attempt_finishes(bare_shop):
    for delay in (0.3, 0.6, 0.9, 1.2):
        process = bare_shop.spawn("init --json")
        with suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.kill()
        process.wait()
    bare_shop.run("init")
    assert bare_shop.run("vault verify --json").json["findings"] == []
    bare_shop.run("audit verify")


def test_the_key_that_another_init_has_just_made_is_used(bare_shop, monkeypatch):
    path = bare_shop.home / "keys" / "cardctl.key"
    make = init_module.new_slot_key

    def make_while_another_does():
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            init_module.write_key_file(path, make().text())
        return make()

    monkeypatch.setattr(init_module, "new_slot_key", make_while_another_does)
    bare_shop.run("init")
    assert bare_shop.run("vault verify --json").json["findings"] == []


def test_two_at_once_make_one_store(bare_shop):
    processes = [bare_shop.spawn("init --json") for _ in range(3)]
    outcomes = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert [status for _, status in outcomes] == [0, 0, 0], outcomes
    stores = {output.split('"store_id": "')[1][:32] for (output, _), _ in outcomes}
    assert len(stores) == 1
    assert bare_shop.sql("SELECT count(*) FROM store") == [(1,)]
    assert bare_shop.run("vault verify --json").json["findings"] == []
