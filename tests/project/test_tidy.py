"""House rules that no linter knows, each with its reason; after TigerBeetle's src/tidy.zig."""

import ast
import re

from tests.project.sources import ROOT, name_of, parsed, python_files, text_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
OURS = python_files("cardctl")
MIGRATIONS = sorted((ROOT / "cardctl/storage/migrations/versions").glob("*.py"))
WRITTEN = [
    path for path in python_files("cardctl", "tests", "sample_data") if path not in MIGRATIONS
]
"""Migrations stay as they were released, however long."""

NAMES_OF_NOTHING = {"utils", "util", "helpers", "managers", "manager", "services", "service"}
NAMES_OF_NOTHING |= {"common", "misc", "base_classes", "handlers"}

ASKING_THE_DIALECT = re.compile(
    r"dialect\.name|get_backend_name|get_dialect|drivername"
    r"|[!=]= ?[\"'](sqlite|postgres(ql)?)[\"']|import sqlite3|import psycopg"
)

PAST_THE_RECORDER = re.compile(r"driver_connection|\.cursor\(|with_for_update|exec_driver_sql")
"""What the lint over executed statements does not hear, and locks that name no table."""

# Put together here, so that this file does not name what it looks for.
MACHINES = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/[a-z]", "/Us" + "ers/"]))
INDEX_HOSTS = re.compile(
    "|".join(
        [
            *("index" + "-url", "find" + "-links", "trusted" + "-host", "files.python" + "hosted"),
            *("py" + "pi.org", "py" + "pi.tuna", "mirrors" + r"\.", "simple" + "/"),
        ]
    )
)


def offenders(paths, find):
    """What a rule finds in each source that breaks it."""
    found = {name_of(path): find(path) for path in paths}
    return {name: problem for name, problem in found.items() if problem}


def test_files_are_short():
    def too_long(path):
        lines = len(path.read_text("utf-8").splitlines())
        return lines if lines > FILE_LINES_MAX else None

    assert offenders(WRITTEN, too_long) == {}


def test_functions_are_short():
    def too_long(path):
        return [
            node.name
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
        ]

    assert offenders(WRITTEN, too_long) == {}


def test_modules_are_named_for_what_they_do():
    def empty_words(path):
        return NAMES_OF_NOTHING & set(path.relative_to(ROOT).with_suffix("").parts)

    assert offenders(WRITTEN, empty_words) == {}


def test_only_the_dialects_ask_which_database_it_is():
    def asks(path):
        return [match[0] for match in ASKING_THE_DIALECT.finditer(path.read_text("utf-8"))]

    assert set(offenders(OURS, asks)) == {
        "cardctl/storage/alterations.py",
        "cardctl/storage/dialects.py",
    }


def test_only_storage_speaks_to_the_driver():
    def speaks(path):
        return PAST_THE_RECORDER.findall(path.read_text("utf-8"))

    storage = {name_of(path) for path in python_files("cardctl/storage")}
    assert set(offenders(OURS, speaks)) <= storage


def test_money_never_passes_through_a_float():
    def floats(path):
        return [
            node.lineno
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"
        ]

    # A sheet keeps its numbers as floats; there they are turned into text, and refused as keys.
    reading = {name_of(path) for path in python_files("cardctl/workbooks")}
    assert set(offenders(OURS, floats)) <= reading


def test_every_package_says_what_it_owns():
    def silent(path):
        said = ast.get_docstring(parsed(path)) or ""
        return len(said) < 40 or not said.partition("\n")[0].endswith((".", ";", ":", ","))

    assert offenders([path for path in OURS if path.name == "__init__.py"], silent) == {}


def test_every_folder_of_sources_is_a_package():
    scripts = ROOT / "cardctl/storage/migrations"
    folders = {path.parent for path in OURS} - {scripts, scripts / "versions"}

    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_migrations_are_numbered_without_a_gap():
    numbers = [f"{place:04d}" for place in range(1, len(MIGRATIONS) + 1)]

    assert [path.name[:4] for path in MIGRATIONS] == numbers
    for path, number, before in zip(MIGRATIONS, numbers, [None, *numbers], strict=False):
        assert re.fullmatch(r"\d{4}_[a-z][a-z_]*\.py", path.name)
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in parsed(path).body
            if isinstance(node, ast.Assign) and node.targets[0].id.endswith("revision")
        }
        assert (values["revision"], values["down_revision"]) == (number, before)


def test_nothing_names_a_machine_or_a_package_index():
    def named(path):
        text = path.read_text("utf-8", errors="replace")
        return MACHINES.findall(text) + INDEX_HOSTS.findall(text)

    assert offenders(text_files(), named) == {}


def test_the_lock_holds_a_hash_for_everything_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    wanted = re.findall(r"^[a-z0-9][\w.-]*==\S+", lock, re.MULTILINE)

    assert len(wanted) > 30
    assert "://" not in lock
    assert len(re.findall(r"^[a-z0-9].*\n    --hash=sha256:", lock, re.MULTILINE)) == len(wanted)


def test_every_dependency_has_a_lower_and_an_upper_bound():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    # The zone database is numbered by years: there is nothing to be below of.
    unbounded = [name for name in wanted if not re.search(r">=.+,<", name)]
    assert unbounded == ["tzdata>=2025.2"]
