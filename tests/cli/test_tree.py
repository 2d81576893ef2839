"""What holds for every command, found by walking the tree: a later noun cannot forget it."""

import inspect
import re
import shlex

import pytest
from typer.core import TyperOption

from cardctl.cli.context import Invocation
from cardctl.cli.main import NOUNS, make_root
from tests.cli.conftest import every_verb

VERBS = dict(every_verb())

SHOWING = {"--format", "--json", "--fields", "--out"}
NO_DATA = {"completion", "demo"}
"""A script, and a tour of other commands."""
WRITING = {"--dry-run", "--yes"}


def options(command):
    return [param for param in command.params if isinstance(param, TyperOption)]


def names(command):
    return {name for param in options(command) for name in param.opts}


@pytest.mark.parametrize("row", NOUNS, ids=lambda row: row.name)
def test_every_row_of_the_table_loads_as_it_is_announced(row):
    command = row.load()
    assert command.name == row.name
    summary = (command.help or "").partition("\n")[0]
    assert summary == row.summary
    assert summary.endswith(".")
    assert len(summary) <= 60


@pytest.mark.parametrize("path", VERBS)
def test_a_verb_says_in_one_short_line_what_it_does(path):
    summary = VERBS[path].help.partition("\n")[0]
    assert summary.endswith(".")
    assert len(summary) <= 60


@pytest.mark.parametrize("path", VERBS)
def test_a_verb_has_examples_that_parse(path):
    verb = VERBS[path].verb
    assert verb.examples
    for example in verb.examples:
        line = shlex.split(re.split("[<>]", example)[0].rpartition("|")[2])
        assert line[0] == "cardctl", example
        assert f" {path}" in f" {example} ", example
        parse(line[1:])


def parse(arguments):
    """Parse a line to its end without running it; raises what is wrong with it."""
    ctx = make_root().make_context("cardctl", arguments, obj=Invocation())
    while hasattr(ctx.command, "commands"):
        name, command, rest = ctx.command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        ctx = command.make_context(name, rest, parent=ctx)


@pytest.mark.parametrize("path", sorted(VERBS.keys() - NO_DATA))
def test_a_verb_shows_its_result_in_every_format(path):
    assert names(VERBS[path]) >= SHOWING


@pytest.mark.parametrize("path", [path for path in VERBS if VERBS[path].verb.writes])
def test_what_writes_can_be_tried_and_told_yes(path):
    assert names(VERBS[path]) >= WRITING


@pytest.mark.parametrize("path", [path for path in VERBS if VERBS[path].verb.writes])
def test_what_writes_names_its_columns_so_that_a_slip_is_found_before_the_work(path):
    assert VERBS[path].verb.columns


@pytest.mark.parametrize("path", [path for path in VERBS if not VERBS[path].verb.writes])
def test_what_only_reads_has_no_dry_run(path):
    assert "--dry-run" not in names(VERBS[path])


READERS_THAT_WRITE_THINGS_DOWN = {
    "order show": "a reveal is written to the audit log; trying it would reveal all the same",
}


@pytest.mark.parametrize("path", VERBS)
def test_what_changes_the_store_says_that_it_writes(path):
    source = inspect.getsource(VERBS[path].verb.function)
    if "context.change(" in source or "context.run" in source:
        assert VERBS[path].verb.writes or path in READERS_THAT_WRITE_THINGS_DOWN


@pytest.mark.parametrize("path", VERBS)
def test_every_option_and_argument_explains_itself(path):
    for param in VERBS[path].params:
        assert param.help, param.name
        assert param.help.endswith((".", "?", "…", ")")), param.help


def test_the_same_option_is_the_same_everywhere():
    seen = {}
    for path, command in VERBS.items():
        for param in options(command):
            for name in param.opts:
                kind = (type(param.type.inner).__name__, param.is_flag)
                seen.setdefault(name, {}).setdefault(kind, []).append(path)
    differing = {name: kinds for name, kinds in seen.items() if len(kinds) > 1}
    assert not differing


def test_no_verb_hides_behind_another_ones_switch():
    """A switch has one name; only what may be left open (None) or is on has one for no."""
    for path, command in VERBS.items():
        for param in options(command):
            assert not param.secondary_opts or param.default is not False, (path, param.name)
