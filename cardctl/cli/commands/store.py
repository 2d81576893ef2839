"""store: bring a store to this program's version, and check it."""

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun

noun = Noun("store")
