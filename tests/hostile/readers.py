"""Every place where a command reads bytes that somebody else may have written.

A reader that is new gets a line here: that is all it takes to be tried with the whole corpus.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.shop import Shop
from tests.support.terminal import Result


@dataclass(frozen=True)
class Reader:
    """A command line, and where the bytes come in.

    A file in `folder` or in `home`; a descriptor, whose number the line leaves open; else stdin.
    """

    line: str
    file: str | None = None
    in_home: bool = False
    descriptor: bool = False
    ends: tuple[int, ...] = (0, 2, 3, 4, 5, 8)
    """How it may end: anything that a script can act on, never as a bug."""

    def feed(self, shop: Shop, content: bytes) -> Result:
        """Run it on some bytes; what was there before is put back."""
        if self.descriptor:
            return self._feed_descriptor(shop, content)
        if self.file is None:
            return shop.run(self.line, status=None, stdin=content)
        path = self._path(shop)
        before = path.read_bytes() if path.exists() else None
        mode = path.stat().st_mode & 0o777 if before is not None else 0o600
        path.write_bytes(content)
        path.chmod(mode)
        try:
            return shop.run(self.line, status=None)
        finally:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)

    def _feed_descriptor(self, shop: Shop, content: bytes) -> Result:
        with tempfile.TemporaryFile() as stream:
            stream.write(content)
            stream.seek(0)
            return shop.run(self.line.format(os.dup(stream.fileno())), status=None)

    def _path(self, shop: Shop) -> Path:
        assert self.file is not None
        return (shop.home if self.in_home else shop.folder) / self.file


_IMPORT = "--product VIP --supplier SUP --cost 1 --expires never"
_BY = "--reason 试"

TABLES = {
    "batch import": Reader(f"batch import odd.bin {_IMPORT} --no-input", "odd.bin"),
    "batch import -": Reader(f"batch import - {_IMPORT} --no-input"),
    "batch import, by a template": Reader(
        f"batch import odd.bin {_IMPORT} --line '{{number}}/{{secret}}' --no-input", "odd.bin"
    ),
    "batch import, split": Reader(
        "batch import odd.bin --supplier SUP --expires never --skip-bad-rows --no-input", "odd.bin"
    ),
    "order import": Reader("order import odd.bin --channel TB", "odd.bin"),
    "order import -": Reader("order import - --channel TB"),
    "order import --items": Reader("order import list.csv --channel TB --items odd.bin", "odd.bin"),
    "distribute plan": Reader("distribute plan odd.bin --name odd", "odd.bin"),
    "distribute plan -": Reader("distribute plan - --name odd"),
    "setup import": Reader("setup import odd.bin --yes", "odd.bin"),
    "card void --from": Reader(f"card void --from odd.bin {_BY} --yes", "odd.bin"),
    "card freeze --from -": Reader(f"card freeze --from - {_BY} --yes"),
    "delivery ship --from": Reader("delivery ship --from odd.bin --channel TB", "odd.bin"),
    "card update --from": Reader(f"card update --from odd.bin {_BY} --yes", "odd.bin"),
}
"""They read tables, or lists like tables."""

OTHERS = {
    "card find -": Reader("card find -"),
    "card redeem -": Reader("card redeem -"),
    "order issue -": Reader("order issue -"),
    "order refund -": Reader("order refund - --reason x"),
    "order conflict resolve -": Reader("order conflict resolve - --take store"),
    "delivery confirm": Reader("delivery confirm odd.bin", "odd.bin"),
    "delivery confirm -": Reader("delivery confirm -"),
    "a webhook's address in a file": Reader(
        "channel webhook set TB --shape wecom --url-source file:odd.txt", "odd.txt"
    ),
    "order reserve -": Reader("order reserve - --for 30m"),
    "order run --stream": Reader("order run - --channel TB --stream", ends=(0,)),
    "a configuration": Reader("config show", "config.toml", in_home=True),
    "a configuration of a project": Reader("config show", "cardctl.toml"),
    "a configuration, to write to": Reader(
        "config set operator somebody", "config.toml", in_home=True
    ),
    "a key file": Reader("vault verify --key-source file:odd.key", "odd.key", ends=(2, 7)),
    "a key on a descriptor": Reader(
        "vault verify --key-source fd:{}", descriptor=True, ends=(2, 7)
    ),
    "a password on a descriptor": Reader(
        f"batch import sealed.xls {_IMPORT} --password-source fd:{{}}", descriptor=True
    ),
    "a password in a file": Reader(
        f"batch import sealed.xls {_IMPORT} --password-source file:odd.txt", "odd.txt"
    ),
    "a secret in a file": Reader(
        f"card update VIP:none --secret-source file:odd.txt {_BY} --yes", "odd.txt"
    ),
}
"""They read a line, a key, or settings."""

LINES = {
    "nothing": b"",
    "blanks": b" \n\n",
    "zeros": bytes(5000),
    "noise": bytes(range(256)) * 40,
    "one long line": b"x" * 3_000_000,
    "a long code of recovery": b"CARDCTL-RECOVERY-" + b"ABCDE-" * 5000,
    "many lines": b"x\n" * 100_000,
    "no utf-8": b"\xff\xfe\xfd\n",
    "utf-16": "兑换码".encode("utf-16"),
    "control characters": b"\x1b[31mx\x07\n",
    "an option": b"--help\n",
    "a format": b"{0.__class__} %s %(x)s\n",
    "a statement": b"'; DROP TABLE card; --\n",
    "a nested list": b"x = " + b"[" * 50_000 + b"]" * 50_000,
    "a nested table": b"[" + b".".join([b"a"] * 20_000) + b"]\nx = 1\n",
    "a long number": b"x = " + b"9" * 100_000 + b"\n",
    "a table for a text": b"[store]\nx = 1\n",
    "numbers for texts": b"store = 5\nlanguage = 7\n",
    "an unknown word": b"stroe = 'x'\n",
    "a profile that is none": b"profile = 'x'\n[profiles]\ny = 3\n",
    "a store elsewhere": b"store = 'ftp://x'\n",
    "a language that is none": b"language = '../../etc'\n",
}
"""Bytes for those that read no table."""
