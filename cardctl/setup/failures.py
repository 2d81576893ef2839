"""What can be wrong with a setup workbook beyond its single values."""

from cardctl.errors import InputRefused, NotFound


class UnknownSheet(InputRefused):
    """A sheet that stands for no noun; what is in it would be lost without a word."""

    code = "unknown-sheet"
    message = "no noun has a sheet {sheet!r}"
    hint = "name it as one of: {known}; call your own remarks notes or 说明"


class SheetTwice(InputRefused):
    """Two sheets for one noun: its name in English and in Chinese."""

    code = "sheet-twice"
    message = "sheet {other!r} has the same noun already"


class NoWorkbook(InputRefused):
    """A text file has no sheets."""

    code = "no-workbook"
    message = "{file} has no sheets: a setup is a workbook"
    hint = "cardctl setup template --out FILE"


class UnknownColumn(InputRefused):
    """A column that means nothing; what is in it would be lost without a word."""

    code = "unknown-column"
    message = "the sheet has no column {column!r}"
    hint = "one of: {known}"


class MergedRows(InputRefused):
    """Only the first of merged cells holds the value."""

    code = "merged-cells"
    message = "cells are merged in rows {first} to {last}"
    hint = "split them and fill in every row"


class TooManyRows(InputRefused):
    """More rows than any shop has; they are held in memory until all of them are checked."""

    code = "too-many-rows"
    message = "the workbook has more than {most} rows"
    hint = "split it into several workbooks"


class NotClearable(InputRefused):
    """``-`` in a cell that must hold something."""

    code = "not-clearable"
    message = "it cannot be cleared"


class RowTwice(InputRefused):
    """The same entry stands further up."""

    code = "duplicate-in-file"
    message = "{name} stands in row {first_row} already"


class CodeUnknown(NotFound):
    """A cell names something that is neither in the store nor in this workbook."""

    hint = "add it to its sheet in this workbook, or to the store"


class FieldFixed(InputRefused):
    """Cards or orders rest on what is to change."""

    code = "in-use"
    message = "{name} has cards or orders already: this stays as it is"
    hint = "add another product of the new kind"


class PoolUnlisted(InputRefused):
    """A pool is to be kept for a channel whose row lists other pools."""

    code = "pool-unlisted"
    message = "channel {channel} lists its pools without {pool}, which is to be kept for it"
    hint = "add it to the channel's pools, or leave that cell empty"
