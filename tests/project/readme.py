"""The command lines that a README shows."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"\s+#.*?exit status (\d+).*$")
_COMMENT = re.compile(r"\s+# .*$")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command as it stands there, and the exit status it announces (`# … exit status 8`)."""

    line: str
    status: int


def shown_commands(path: Path) -> list[Shown]:
    """Every command of the blocks marked `sh` or `console`, in order; output lines are left out."""
    found = []
    for block in _BLOCK.findall(path.read_text("utf-8")):
        lines = block.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in lines:
            if line.strip() and not line.startswith("#"):
                status = _STATUS.search(line)
                found.append(Shown(_COMMENT.sub("", line), int(status[1]) if status else 0))
    return found


def shown_programs(path: Path) -> list[str]:
    """The blocks marked `python`, in order."""
    return _PYTHON.findall(path.read_text("utf-8"))
