"""Decide what a setup workbook changes: each noun's entries as they are to be, or what is wrong.

Nothing here reads or writes the store. What is checked is the state that would come of it, so that
rows may refer to rows further down.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cardctl.batches.row_errors import CellMissing
from cardctl.catalog.channels import ChannelEntry, PoolKept
from cardctl.catalog.drafts import Draft
from cardctl.errors import CardctlError
from cardctl.setup.failures import CodeUnknown, PoolUnlisted
from cardctl.setup.nouns import SHEETS
from cardctl.setup.read import SetupRow, SheetRows
from cardctl.setup.sheet import SetupReject, SetupSheet
from cardctl.vocabulary import CatalogueNoun, Outcome

Stored = Mapping[CatalogueNoun, Mapping[Hashable, Any]]
"""What the store holds: by noun, the entries by key."""


@dataclass(slots=True)
class NounPlan:
    """The drafts of one noun by key, those of its rows first; `read` is None without a sheet."""

    sheet: SetupSheet[Any]
    read: SheetRows | None
    drafts: dict[Hashable, Draft[Any]] = field(default_factory=dict)
    rows: dict[Hashable, SetupRow] = field(default_factory=dict)

    def changing(self) -> list[Draft[Any]]:
        """The drafts that are not as the store has it already."""
        return [item for item in self.drafts.values() if item.outcome is not Outcome.UNCHANGED]

    def reject(self, key: Hashable, field_name: str, problem: CardctlError) -> SetupReject:
        """What is wrong with the row of an entry."""
        assert self.read is not None
        return self.read.reject(self.rows[key].number, field_name, problem)


@dataclass(slots=True)
class Plan:
    """What is to become of every noun, or what is wrong."""

    nouns: dict[CatalogueNoun, NounPlan]
    rejects: list[SetupReject]


def make_plan(sheets: Sequence[SheetRows], stored: Stored) -> Plan:
    """Draft every row, then look whether what they refer to is there."""
    read = {sheet.sheet.noun: sheet for sheet in sheets}
    nouns = {sheet.noun: NounPlan(sheet, read.get(sheet.noun)) for sheet in SHEETS}
    rejects: list[SetupReject] = []
    for noun in nouns.values():
        rejects += _draft(noun, stored[noun.sheet.noun])
    rejects += _keep_pools(nouns[CatalogueNoun.CHANNEL], nouns[CatalogueNoun.POOL], stored)
    named = {noun: {*stored[noun], *plan.rows} for noun, plan in nouns.items()}
    for noun in nouns.values():
        rejects += _unknown_codes(noun, named)
        rejects += _contradictions(noun, stored[noun.sheet.noun])
    return Plan(nouns, rejects)


def _draft(plan: NounPlan, stored: Mapping[Hashable, Any]) -> Iterator[SetupReject]:
    """Draft the rows of one noun."""
    for row in plan.read.rows if plan.read else ():
        plan.rows[row.key] = row
        if not row.sound:
            continue
        before = stored.get(row.key)
        own = {name: row.values[name] for name in row.values if name not in plan.sheet.key}
        missing = (
            [] if before else [f for f in plan.sheet.fields if f.required and f.name not in own]
        )
        yield from (plan.reject(row.key, column.name, CellMissing()) for column in missing)
        if missing:
            continue
        try:
            wanted = _wanted(plan.sheet, before, row.values, own)
        except _FieldRefused as refused:
            yield plan.reject(row.key, refused.field_name, refused.problem)
            continue
        if before is not None or not plan.sheet.is_nothing(wanted):
            plan.drafts[row.key] = Draft(before, wanted)


class _FieldRefused(Exception):
    """A value that an entry cannot have, and the field that has it, where one alone is wrong."""

    def __init__(self, field_name: str, problem: CardctlError) -> None:
        super().__init__()
        self.field_name = field_name
        self.problem = problem


def _wanted(
    sheet: SetupSheet[Any], before: Any | None, values: dict[str, Any], own: dict[str, Any]
) -> Any:
    """The entry that a row asks for, checked; raises `_FieldRefused`."""
    try:
        if before is not None:
            return sheet.check(replace(before, **own))
        return sheet.check(sheet.make(**values))
    except CardctlError as problem:
        raise _FieldRefused(_culprit(sheet, before, values, own, problem), problem) from None


def _culprit(
    sheet: SetupSheet[Any],
    before: Any | None,
    values: dict[str, Any],
    own: dict[str, Any],
    problem: CardctlError,
) -> str:
    """The field whose value is refused by itself; empty where only several together are wrong."""
    needed = {*sheet.key, *(column.name for column in sheet.fields if column.required)}
    least = {name: value for name, value in values.items() if name in needed}
    for name, value in own.items():
        try:
            alone = {name: value}
            sheet.check(replace(before, **alone) if before else sheet.make(**(least | alone)))
        except CardctlError as refusal:
            if type(refusal) is type(problem):
                return name
    return ""


def _unknown_codes(
    plan: NounPlan, named: Mapping[CatalogueNoun, set[Hashable]]
) -> Iterator[SetupReject]:
    """Codes in the rows of a noun that are neither stored nor in the workbook."""
    for key, row in plan.rows.items():
        for column in plan.sheet.fields:
            if column.refers_to is None:
                continue
            said = row.values.get(column.name)
            for code in column.kind.codes(said) if said else ():
                if (code,) not in named[column.refers_to]:
                    problem = CodeUnknown(noun=column.refers_to, name=code)
                    yield plan.reject(key, column.name, problem)


def _contradictions(plan: NounPlan, stored: Mapping[Hashable, Any]) -> Iterator[SetupReject]:
    """Entries of a noun that cannot stand beside each other, told where one of them was changed."""
    if plan.sheet.across is None:
        return
    state = {**stored, **{key: draft.wanted for key, draft in plan.drafts.items()}}
    for places, problem in plan.sheet.across(state.values()):
        for key, field_name in places:
            if key in plan.drafts:
                yield plan.reject(key, field_name, problem)
                break


def _keep_pools(channels: NounPlan, pools: NounPlan, stored: Stored) -> Iterator[SetupReject]:
    """See that pools are kept for channels that draw on them, and drawn on by no others.

    A channel draws on a pool that is newly kept for it, after its others, unless its row lists its
    pools: then the list has to name it.
    """
    state: dict[Hashable, ChannelEntry] = {**stored[CatalogueNoun.CHANNEL]}
    state |= {key: draft.wanted for key, draft in channels.drafts.items()}
    for key, draft in list(pools.drafts.items()):
        pool = draft.wanted
        owner = state.get((pool.channel,))
        if pool.channel is None or owner is None or draft.outcome is Outcome.UNCHANGED:
            continue
        if pool.code in owner.pools:
            continue
        row = channels.rows.get((pool.channel,))
        if row is not None and "pools" in row.values:
            problem = PoolUnlisted(channel=pool.channel, pool=pool.code)
            yield pools.reject(key, "channel", problem)
            continue
        state[pool.channel,] = replace(owner, pools=(*owner.pools, pool.code))
        before = stored[CatalogueNoun.CHANNEL].get((pool.channel,))
        channels.drafts[pool.channel,] = Draft(before, state[pool.channel,])
    yield from _kept_for_others(channels, pools, stored, state)


def _kept_for_others(
    channels: NounPlan, pools: NounPlan, stored: Stored, state: Mapping[Hashable, ChannelEntry]
) -> Iterator[SetupReject]:
    keepers: dict[str, str | None] = {
        entry.code: entry.channel for entry in stored[CatalogueNoun.POOL].values()
    } | {draft.wanted.code: draft.wanted.channel for draft in pools.drafts.values()}
    for key, channel in state.items():
        for pool in channel.pools:
            keeper = keepers.get(pool)
            if keeper in (None, channel.code):
                continue
            problem = PoolKept(pool=pool, channel=keeper)
            row = channels.rows.get(key)
            if row is not None and "pools" in row.values:
                yield channels.reject(key, "pools", problem)
            else:
                yield pools.reject((pool,), "channel", problem)
