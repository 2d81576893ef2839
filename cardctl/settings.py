"""Where each setting comes from: flag > environment > profile > project file > user file > default.

The user file is `config.toml` in cardctl's home, the project file `cardctl.toml` in the working
directory or the nearest folder above it. A table `[profiles.NAME]` in either holds the settings of
a profile, and `profile` names the one to use. Who names a profile wants its store: a profile named
by a flag therefore stands above the environment, any other one below it.

A project file comes with a folder that somebody else may have made, so it may not say where keys
come from (`command:…` would run a program), and one that belongs to another user is refused.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from cardctl.errors import UsageRefused

KEYS = ("store", "profile", "key_source", "language", "operator")
"""What may be set; the same words in `config.toml` and in `config set`."""

_VARIABLES = {
    "store": "CARDCTL_STORE",
    "profile": "CARDCTL_PROFILE",
    "language": "CARDCTL_LANG",
    "operator": "CARDCTL_OPERATOR",
}
_PROJECT_FILE = "cardctl.toml"
_FILE_MAX_BYTES = 2**18
_PROFILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadConfigFile(UsageRefused):
    """A configuration file cannot be read or does not hold what it should."""

    code = "bad-config"
    message = "the configuration file {file} is refused: {reason}"
    hint = "cardctl config path"


class ConfigUnwritable(UsageRefused):
    """A setting cannot be written down."""

    code = "config-unwritable"
    message = "the configuration file {file} cannot be written: {reason}"
    hint = "check the folder, its permissions and the room on its disk"


class UnknownProfile(UsageRefused):
    """No configuration file has a profile of that name."""

    code = "unknown-profile"
    message = "there is no profile {profile} in {files}"
    hint = "add a table [profiles.{profile}] to the file, or name another profile"


class UnknownLanguage(UsageRefused):
    """A language that cardctl does not speak."""

    code = "unknown-language"
    message = "cardctl does not speak {language}: choose en or zh"
    hint = "cardctl config set language zh"


class UnknownSetting(UsageRefused):
    """A key that is no setting."""

    code = "unknown-setting"
    message = "{place}: there is no setting {key}"
    hint = "one of: {known}"


class Language(StrEnum):
    """What cardctl speaks."""

    EN = "en"
    ZH = "zh"


class Origin(StrEnum):
    """What won."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    PROJECT_FILE = "project-file"
    USER_FILE = "user-file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and what it comes from; `place` names the option, variable or file."""

    key: str
    value: str | None
    origin: Origin
    place: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one command run."""

    home: Path
    values: Mapping[str, Setting]

    @property
    def store(self) -> str:
        """The URL of the store; it may hold a password: print `hide_password` of it."""
        return self.values["store"].value or ""

    @property
    def profile(self) -> str | None:
        """The name of the profile in use."""
        return self.values["profile"].value

    @property
    def key_source(self) -> str | None:
        """The SPEC that says where the key comes from."""
        return self.values["key_source"].value

    @property
    def language(self) -> Language | None:
        """The language somebody chose, or None to follow the store and then the locale."""
        chosen = self.values["language"].value
        return Language(chosen) if chosen else None

    @property
    def operator(self) -> str | None:
        """Who says to be at work, for the audit log."""
        return self.values["operator"].value

    def origin(self, key: str) -> Origin:
        """What a value comes from."""
        return self.values[key].origin


@dataclass(frozen=True, slots=True)
class _Layer:
    """The values of one origin."""

    origin: Origin
    place: str
    values: Mapping[str, str]

    def get(self, key: str) -> Setting | None:
        value = self.values.get(key)
        return Setting(key, value, self.origin, self.place) if value else None


@dataclass(frozen=True, slots=True)
class _File:
    """A configuration file: its settings, and those of each profile."""

    origin: Origin
    path: Path
    values: Mapping[str, str]
    profiles: Mapping[str, Mapping[str, str]]

    def layer(self) -> _Layer:
        return _Layer(self.origin, str(self.path), self.values)

    def profile_layer(self, name: str) -> _Layer:
        place = f"{self.path} [profiles.{name}]"
        return _Layer(self.origin, place, self.profiles.get(name, {}))


def find_home(environment: Mapping[str, str]) -> Path:
    """The folder of `config.toml`, the default store, keys and logs; it need not exist yet."""
    named = environment.get("CARDCTL_HOME")
    if named:
        return Path(named).expanduser().absolute()
    return user_data_path("cardctl", appauthor=False)


def current_folder() -> Path:
    """The working directory; the root where it was deleted, above which no project file is."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def user_file(home: Path) -> Path:
    """The user's configuration file."""
    return home / "config.toml"


def load_settings(
    flags: Mapping[str, str | None], environment: Mapping[str, str], directory: Path
) -> Settings:
    """Find every setting and its origin; `flags` holds what stood on the command line, by key.

    Raises `BadConfigFile`, `UnknownProfile` and `UnknownLanguage`.
    """
    home = find_home(environment)
    files = _read_files(home, directory)
    flag_layers = [
        _Layer(Origin.FLAG, _option(key), {key: value}) for key, value in flags.items() if value
    ]
    variable_layers = [
        _Layer(Origin.ENVIRONMENT, name, {key: environment.get(name, "")})
        for key, name in _VARIABLES.items()
    ]
    file_layers = [file.layer() for file in files]
    profile = _first("profile", [*flag_layers, *variable_layers, *file_layers])
    profile_layers = _profile_layers(profile, files)
    if profile.origin is Origin.FLAG:
        middle = [*profile_layers, *variable_layers]
    else:
        middle = [*variable_layers, *profile_layers]
    layers = [*flag_layers, *middle, *file_layers, _defaults(home)]
    values = {key: _first(key, layers) for key in KEYS} | {"profile": profile}
    chosen = values["language"].value
    if chosen and chosen not in set(Language):
        raise UnknownLanguage(language=chosen)
    return Settings(home=home, values=values)


def remember(
    path: Path, key: str, value: str, *, profile: str | None = None, dry_run: bool = False
) -> None:
    """Write one setting to a configuration file, keeping the rest of it, comments too.

    The file is replaced in one step and readable by its owner only. Raises `UnknownSetting`,
    `UnknownLanguage`, `BadConfigFile` when the file cannot be read as it stands, and
    `ConfigUnwritable`.
    """
    if key not in KEYS or (profile and key == "profile"):
        raise UnknownSetting(place=str(path), key=key, known=", ".join(KEYS))
    if profile and not _PROFILE_NAME.fullmatch(profile):
        raise UnknownProfile(profile=profile, files=str(path))
    if key == "language" and value not in set(Language):
        raise UnknownLanguage(language=value)
    _read_file(Origin.USER_FILE, path)
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


def hide_password(url: str) -> str:
    """A store URL without its password, wherever in the URL it stands and whatever is in it."""
    shown = re.sub(r"(://[^/:@?]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][a-z]*password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)


def _option(key: str) -> str:
    return "--lang" if key == "language" else f"--{key.replace('_', '-')}"


def _defaults(home: Path) -> _Layer:
    # What would end the path within a URL, or be read as another character.
    path = str(home / "cardctl.db").replace("%", "%25").replace("?", "%3F")
    return _Layer(Origin.DEFAULT, "", {"store": f"sqlite:///{path}"})


def _first(key: str, layers: list[_Layer]) -> Setting:
    """The value of the first layer that has one."""
    found = (layer.get(key) for layer in layers)
    return next((setting for setting in found if setting), Setting(key, None, Origin.DEFAULT))


def _profile_layers(profile: Setting, files: list[_File]) -> list[_Layer]:
    name = profile.value
    if name is None:
        return []
    if not any(name in file.profiles for file in files):
        raise UnknownProfile(
            profile=name, files=", ".join(str(file.path) for file in files) or "config.toml"
        )
    return [file.profile_layer(name) for file in files]


def _read_files(home: Path, directory: Path) -> list[_File]:
    """The files that are there, the stronger first."""
    project = next(
        (
            folder / _PROJECT_FILE
            for folder in (directory, *directory.parents)
            if (folder / _PROJECT_FILE).is_file()
        ),
        None,
    )
    files = [_read_file(Origin.PROJECT_FILE, project)] if project else []
    return [*files, _read_file(Origin.USER_FILE, user_file(home))]


def _read_file(origin: Origin, path: Path) -> _File:
    try:
        if origin is Origin.PROJECT_FILE and path.stat().st_uid not in (os.geteuid(), 0):
            raise BadConfigFile(file=str(path), reason="it belongs to another user")
        with path.open("rb") as stream:
            octets = stream.read(_FILE_MAX_BYTES + 1)
        if len(octets) > _FILE_MAX_BYTES:
            raise BadConfigFile(file=str(path), reason="it is too long")
        document = tomllib.loads(octets.decode())
    except FileNotFoundError:
        document = {}
    except OSError as error:
        raise BadConfigFile(file=str(path), reason=str(error.strerror)) from None
    except RecursionError:
        raise BadConfigFile(file=str(path), reason="it is nested too deeply") from None
    except ValueError as error:
        # What is no UTF-8 and no TOML, and a number of more digits than are turned into one.
        raise BadConfigFile(file=str(path), reason=str(error)) from None
    profiles = document.pop("profiles", {})
    if not isinstance(profiles, dict):
        raise BadConfigFile(file=str(path), reason="profiles are tables [profiles.NAME]")
    return _File(
        origin=origin,
        path=path,
        values=_check_table(document, origin, path),
        profiles={name: _check_table(table, origin, path) for name, table in profiles.items()},
    )


def _check_table(table: Any, origin: Origin, path: Path) -> Mapping[str, str]:
    """The settings of a table; raises `BadConfigFile` for what is none."""
    if not isinstance(table, dict):
        raise BadConfigFile(file=str(path), reason="profiles are tables [profiles.NAME]")
    for key, value in table.items():
        if key not in KEYS:
            raise UnknownSetting(place=str(path), key=key, known=", ".join(KEYS))
        if not isinstance(value, str):
            raise BadConfigFile(file=str(path), reason="a setting is a text in quotes")
        if key == "key_source" and origin is Origin.PROJECT_FILE:
            raise BadConfigFile(
                file=str(path), reason="a project file may not say where keys come from"
            )
    return table


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
