"""config: what is in force and why, and changing it."""

from cardctl.settings import KEYS


def test_show_lists_every_setting(machine):
    shown = {row["key"]: row["value"] for row in machine.run("config show --json").json}
    assert shown["store"] == f"sqlite:///{machine.home}/cardctl.db"
    assert set(shown) == set(KEYS)


def test_show_origin_tells_which_won(machine):
    rows = machine.run("config show --origin --json --store sqlite:////x.db").json
    found = {row["key"]: (row["origin"], row["place"]) for row in rows}
    assert found["store"] == ("flag", "--store")
    assert found["language"] == ("environment", "CARDCTL_LANG")
    assert found["operator"] == ("default", None)


def test_a_password_in_the_store_is_hidden(machine):
    url = "postgresql://shop:hunter2@db/cards"
    assert "hunter2" not in machine.run("config show --origin", CARDCTL_STORE=url).stdout


def test_set_is_remembered_and_a_dry_run_is_not(machine):
    machine.run("config set operator 小王 --dry-run")
    assert not machine.home.exists()
    machine.run("config set operator 小王")
    rows = machine.run("config show --json").json
    assert {"key": "operator", "value": "小王"} in rows


def test_set_within_a_profile(machine):
    machine.run("--profile test config set store sqlite:////t.db")
    machine.run("config set --profile test operator 小王")
    shown = {
        row["key"]: row["value"] for row in machine.run("config show --profile test --json").json
    }
    assert (shown["store"], shown["operator"]) == ("sqlite:////t.db", "小王")
    assert "小王" not in machine.run("config show").stdout


def test_a_value_that_makes_no_sense_is_refused(machine):
    machine.run("config set language fr", status=2)
    machine.run("config set store http://x", status=2)
    machine.run("config set language fr --dry-run", status=2)
    machine.run("config set smtp_tls ssl", status=2)
    machine.run("config set smtp_port 65536", status=2)
    machine.run(["config", "set", "shop_name", "Shop\nBcc: x@example.test"], status=2)
    machine.run("config set stroe x --dry-run", status=2)
    assert not machine.home.exists()


def test_a_mail_password_is_kept_elsewhere_and_never_repeated(machine):
    refused = machine.run("config set smtp_password_source made-up-password", status=2)
    assert "made-up-password" not in refused.stderr
    assert not machine.home.exists()
    machine.run("config set smtp_password_source env:MAIL_PASSWORD")
    shown = machine.run("config show", CARDCTL_SMTP_HOST="mail.example.test").stdout
    assert "env:MAIL_PASSWORD" in shown
    assert "mail.example.test" in shown


def test_a_language_that_is_set_is_spoken_at_once(machine):
    machine.run("config set language zh")
    assert machine.run("config path", CARDCTL_LANG="").stdout.startswith("主目录")


def test_a_setting_that_is_none_is_refused(machine):
    assert machine.run("config set stroe x --json", status=2).error["code"] == "unknown-setting"


def test_a_broken_file_is_named_and_help_still_works(machine):
    machine.home.mkdir()
    (machine.home / "config.toml").write_text("store = ")
    error = machine.run("config show --json", status=2).error
    assert error["code"] == "bad-config"
    assert str(machine.home) in error["message"]
    machine.run("--help")


def test_a_home_that_cannot_be_written_is_named(machine):
    told = machine.run("config set language zh", status=2, CARDCTL_HOME="/proc/none")
    assert "error[config-unwritable]: " in told.stderr
    assert "/proc/none/config.toml" in told.stderr


def test_path_names_the_home(machine):
    assert machine.run("config path --json").json == {
        "home": str(machine.home),
        "file": str(machine.home / "config.toml"),
    }
