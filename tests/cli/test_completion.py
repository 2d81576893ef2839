"""Completion: what a shell is told at a TAB."""

import shutil
import subprocess

import pytest


def offered(shop, *words, of="bash"):
    told = shop.run(list(words), env={"_CARDCTL_COMPLETE": of}).stdout
    return told.splitlines()


def test_nouns_verbs_options_and_choices(shop):
    assert "product" in offered(shop, "")
    assert offered(shop, "sto") == ["store", "stock"]
    assert offered(shop, "store", "") == ["migrate", "check"]
    assert offered(shop, "config", "show", "--or") == ["--origin"]
    assert offered(shop, "config", "show", "--format", "j") == ["json", "jsonl"]
    assert offered(shop, "completion", "z") == ["zsh"]


def test_shells_that_show_help_get_it_in_the_language_of_the_run(shop):
    assert offered(shop, "store", "che", of="fish") == [
        "check\tCheck that the store is whole and its schema is ours."
    ]
    told = shop.run(["store", "che"], env={"_CARDCTL_COMPLETE": "zsh", "CARDCTL_LANG": "zh"})
    assert told.stdout == "check\t检查账库是否完好、结构是否一致。\n"


def test_codes_come_from_the_store(shop):
    shop.seed_catalog()
    shop.run("pool add vip --channel TB")
    batch = shop.import_codes("VIP", ["K-1"])["batch"]
    assert offered(shop, "stock", "levels", "--product", "V") == ["VIP"]
    assert offered(shop, "product", "show", "") == ["CARDP", "VIP"]
    assert offered(shop, "order", "add", "--channel", "") == ["TB"]
    assert offered(shop, "pool", "show", "v") == ["vip"]
    assert offered(shop, "stock", "move", "--from", "v") == ["vip"]
    assert offered(shop, "batch", "show", "B-") == [batch]
    assert offered(shop, "batch", "import", "x", "--supplier", "S") == ["SUP"]
    assert offered(shop, "product", "show", "%") == []


def test_a_new_code_is_not_offered_an_old_one(shop):
    shop.seed_catalog()
    assert offered(shop, "product", "add", "V") == []


def test_the_store_on_the_line_is_asked(shop):
    shop.seed_catalog()
    missing = "sqlite:////nowhere/at/all.db"
    assert offered(shop, "--store", missing, "product", "show", "") == []
    told = shop.run(
        ["--store", shop.url, "product", "show", "V"],
        env={"_CARDCTL_COMPLETE": "bash", "CARDCTL_STORE": missing},
    )
    assert told.stdout == "VIP\n"


def test_nothing_is_said_when_something_is_in_the_way(bare_shop):
    assert offered(bare_shop, "product", "show", "") == []
    bare_shop.home.joinpath("config.toml").write_text("store = ")
    assert offered(bare_shop, "product", "show", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_a_program_of_its_shell(shop, shell):
    script = shop.run(f"completion {shell}").stdout
    assert "_CARDCTL_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes_a_line(shop):
    script = shop.run("completion bash").stdout
    line = (
        'COMP_WORDS=(cardctl store ""); COMP_CWORD=2; _cardctl_completion; echo "${COMPREPLY[*]}"'
    )
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{line}"],
        env=shop.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "migrate check\n"
