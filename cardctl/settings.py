"""Where each setting comes from: flag > environment > profile > project file > user file > default.

The user file is `config.toml` in cardctl's home, the project file `cardctl.toml` in the working
directory or the nearest folder above it. A table `[profiles.NAME]` in either holds the settings of
a profile, and `profile` names the one to use. Who names a profile wants its store: a profile named
by a flag therefore stands above the environment, any other one below it.

A project file comes with a folder that somebody else may have made, so it may not say where keys
and passwords come from (`command:…` would run a program) nor where mail goes, and one that belongs
to another user is refused. `config_file` writes settings down.
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

MAIL_KEYS = (
    "smtp_host",
    "smtp_port",
    "smtp_user",
    "smtp_password_source",
    "smtp_from",
    "smtp_tls",
)
"""How mail is sent; a password stands elsewhere, and its source is named here."""

KEYS = (
    "store",
    "profile",
    "key_source",
    "language",
    "operator",
    "shop_name",
    "shop_contact",
    *MAIL_KEYS,
)
"""What may be set; the same words in `config.toml` and in `config set`."""

_VARIABLES = {
    "store": "CARDCTL_STORE",
    "profile": "CARDCTL_PROFILE",
    "language": "CARDCTL_LANG",
    "operator": "CARDCTL_OPERATOR",
} | {key: f"CARDCTL_{key.upper()}" for key in ("shop_name", "shop_contact", *MAIL_KEYS)}
_ONE_LINE = frozenset({"shop_name", "shop_contact", *MAIL_KEYS})
"""They go into mails: a line break would begin another header."""
_LINE_MAX = 200
_PASSWORD_SOURCES = ("file:", "env:", "command:")
_PORT_MAX = 65_535
_PROJECT_FILE = "cardctl.toml"
_FILE_MAX_BYTES = 2**18


class BadConfigFile(UsageRefused):
    """A configuration file cannot be read or does not hold what it should."""

    code = "bad-config"
    message = "the configuration file {file} is refused: {reason}"
    hint = "cardctl config path"


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


class BadSetting(UsageRefused):
    """A setting does not hold what it should."""

    code = "bad-setting"
    message = "the setting {key} is {value!r}, which is not {expected}"
    hint = "cardctl config show --origin"


class UnknownSetting(UsageRefused):
    """A key that is no setting."""

    code = "unknown-setting"
    message = "{place}: there is no setting {key}"
    hint = "one of: {known}"


class Language(StrEnum):
    """What cardctl speaks."""

    EN = "en"
    ZH = "zh"


class MailTls(StrEnum):
    """How the connection to a mail server is kept private."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"
    """Not at all: only a server on this machine is reached so."""


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

    def get(self, key: str) -> str | None:
        """The value of a setting, None where there is none."""
        return self.values[key].value

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

    Raises `BadConfigFile`, `UnknownProfile`, `UnknownLanguage` and `BadSetting`.
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
    for key, setting in values.items():
        if setting.value:
            check_value(key, setting.value)
    return Settings(home=home, values=values)


def check_value(key: str, value: str) -> None:
    """Refuse what a setting cannot be; raises `UnknownLanguage` and `BadSetting`."""
    if key == "language" and value not in set(Language):
        raise UnknownLanguage(language=value)
    if key in _ONE_LINE and not (value.isprintable() and len(value) <= _LINE_MAX):
        raise BadSetting(key=key, value=value[:20], expected="one line of up to 200 characters")
    if key == "smtp_tls" and value not in set(MailTls):
        raise BadSetting(key=key, value=value, expected="starttls, tls or none")
    if key == "smtp_port" and not _is_port(value):
        raise BadSetting(key=key, value=value[:20], expected="a port, such as 587")
    if key == "smtp_password_source" and not value.startswith(_PASSWORD_SOURCES):
        # It may be the password itself.
        raise BadSetting(key=key, value="***", expected="file:PATH, env:NAME or command:LINE")


def hide_password(url: str) -> str:
    """A store URL without its password, wherever in the URL it stands and whatever is in it."""
    shown = re.sub(r"(://[^/:@?]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][a-z]*password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)


def _is_port(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(_PORT_MAX))
    return digits and 0 < int(text) <= _PORT_MAX


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


def check_user_file(path: Path) -> None:
    """Read a configuration file as it stands; raises `BadConfigFile` and `UnknownSetting`."""
    _read_file(Origin.USER_FILE, path)


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
        if key in MAIL_KEYS and origin is Origin.PROJECT_FILE:
            raise BadConfigFile(
                file=str(path), reason="a project file may not say how mail is sent"
            )
    return table
