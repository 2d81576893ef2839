"""Why an import, an undo or a recall is refused as a whole."""

from cardctl.errors import InputRefused, StateForbids, UsageRefused


class ExpiryNeeded(UsageRefused):
    """Neither the file nor the command says until when the keys are good.

    Silence is not "never": a key that lapses unnoticed is sold to somebody.
    """

    code = "expiry-needed"
    message = "the file has no column that says until when the keys are good"
    hint = "--expires 2027-12-31, --expires +12m, or --expires never"


class ExpiryPast(UsageRefused):
    """The expiry given for the whole batch has passed."""

    code = "expiry-past"
    message = "--expires: that day has passed"
    hint = "give the last day on which the keys are good"


class CostTwice(UsageRefused):
    """A cost and a rate contradict each other."""

    code = "cost-twice"
    message = "--cost and --cost-rate cannot both hold"
    hint = "give one of them"


class SoldHasNeither(UsageRefused):
    """What was sold before is no stock: it costs nothing here, and does not expire."""

    code = "already-sold"
    message = "--already-sold keeps neither a cost nor an expiry"
    hint = "leave out --cost, --cost-rate and --expires"


class RememberedPasswordWrong(InputRefused):
    """The password that is kept for a supplier does not open its file."""

    code = "wrong-password"
    message = "the password that is remembered for supplier {supplier} does not open {file}"
    hint = "cardctl supplier password set {supplier}, or give another: --password-source prompt"


class FaceValueNeeded(UsageRefused):
    """A rate of nothing that is known."""

    code = "face-value-needed"
    message = "--cost-rate needs a face value, which neither the file nor product {sku} has"
    hint = "cardctl product edit {sku} --face-value 30, or give --cost"


class NoRows(InputRefused):
    """A header with nothing below it."""

    code = "no-rows"
    message = "{file} has a header and no rows below it"
    hint = "check that the right sheet was named"


class MergedKeyCells(InputRefused):
    """A merged cell in a column of keys: only its first row has a value."""

    code = "merged-cells"
    message = "rows {first_row} to {last_row} of the column {column} are merged"
    hint = "unmerge the cells in the spreadsheet program and fill in each row"


class ProductChanged(StateForbids):
    """The product's rules were edited while its keys were being read."""

    code = "product-changed"
    message = "product {sku} was changed while the file was being read"
    hint = "run the same command again"


class CardsHaveLeft(StateForbids):
    """Some cards of a batch are with buyers, or were written off."""

    code = "cards-have-left"
    message = "{left} of the {cards} cards of batch {batch} have left the stock"
    hint = (
        "cardctl batch undo {batch} --unsold --reason TEXT takes back the others;"
        " cardctl batch recall {batch} --reason TEXT"
    )
