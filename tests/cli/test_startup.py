"""Why start-up is tested by what is imported, and not by a clock.

A terminal tool is run a hundred times a day, completion at every TAB. The heavy libraries cost
between 50 and 300 ms each, and one import at the top of one module brings them in for every
command. A clock on a busy machine says little; the list of loaded modules says it all.
"""

import subprocess
import sys

import pytest

HEAVY = {
    "alembic", "cryptography", "keyring", "msoffcrypto", "openpyxl", "psycopg", "python_calamine",
    "rich", "sqlalchemy", "sqlmodel",
}  # fmt: skip

PROBE = """
import sys
from cardctl.cli.main import run
run({arguments!r})
sys.stderr.write("\\n".join(sorted(sys.modules)))
"""


def modules_after(arguments, tmp_path, **variables):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments)],
        env={"CARDCTL_HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


LINES = [
    (["--help"], {}),
    (["--lang", "zh", "--help"], {}),
    (["--version"], {}),
    ([""], {"_CARDCTL_COMPLETE": "bash"}),
    (["st"], {"_CARDCTL_COMPLETE": "zsh"}),
    (["--la"], {"_CARDCTL_COMPLETE": "fish"}),
]


@pytest.mark.parametrize(("arguments", "variables"), LINES)
def test_help_version_and_completion_import_nothing_heavy(arguments, variables, tmp_path):
    loaded = modules_after(arguments, tmp_path, **variables)
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert not [name for name in loaded if name.startswith("cardctl.cli.commands.")]


def test_the_help_of_a_verb_imports_its_own_noun_only(tmp_path):
    loaded = modules_after(["store", "check", "--help"], tmp_path)
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    commands = {name for name in loaded if name.startswith("cardctl.cli.commands.")}
    assert commands == {"cardctl.cli.commands.store"}


def test_a_usage_error_imports_nothing_heavy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cardctl", "store", "chek"],
        env={"CARDCTL_HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not HEAVY & loaded
