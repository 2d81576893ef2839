"""Write a setting down in a configuration file, keeping all the rest of it."""

import os
import re
from pathlib import Path

from cardctl.errors import UsageRefused
from cardctl.settings import KEYS, UnknownProfile, UnknownSetting, check_user_file, check_value

_PROFILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ConfigUnwritable(UsageRefused):
    """A setting cannot be written down."""

    code = "config-unwritable"
    message = "the configuration file {file} cannot be written: {reason}"
    hint = "check the folder, its permissions and the room on its disk"


def remember(
    path: Path, key: str, value: str, *, profile: str | None = None, dry_run: bool = False
) -> None:
    """Write one setting to a configuration file, keeping the rest of it, comments too.

    The file is replaced in one step and readable by its owner only. Raises `UnknownSetting`,
    `UnknownLanguage`, `BadSetting`, `BadConfigFile` when the file cannot be read as it stands, and
    `ConfigUnwritable`.
    """
    if key not in KEYS or (profile and key == "profile"):
        raise UnknownSetting(place=str(path), key=key, known=", ".join(KEYS))
    if profile and not _PROFILE_NAME.fullmatch(profile):
        raise UnknownProfile(profile=profile, files=str(path))
    check_value(key, value)
    check_user_file(path)
    old = path.read_text("utf-8") if path.exists() else ""
    section = f"[profiles.{profile}]" if profile else ""
    text = _replace_line(old.splitlines(), section, key, f"{key} = {_quote(value)}")
    if dry_run:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace_file(path, text)
    except OSError as error:
        raise ConfigUnwritable(file=str(path), reason=str(error.strerror)) from None


def _replace_line(lines: list[str], section: str, key: str, line: str) -> str:
    """The file with one line set in one section ("" is what stands before the first)."""
    start = 0
    if section:
        if section not in (text.strip() for text in lines):
            lines = [*lines, *([""] if lines else []), section]
        start = next(n for n, text in enumerate(lines) if text.strip() == section) + 1
    end = next(
        (n for n, text in enumerate(lines) if n >= start and text.lstrip().startswith("[")),
        len(lines),
    )
    assignment = re.compile(rf"\s*{key}\s*=")
    place = next((n for n in range(start, end) if assignment.match(lines[n])), None)
    if place is None:
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines = [*lines[:end], line, *lines[end:]]
    else:
        lines = [*lines[:place], line, *lines[place + 1 :]]
    return "\n".join(lines) + "\n"


def _replace_file(path: Path, text: str) -> None:
    """Write a file anew in one step; what failed leaves no draft."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _quote(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'
