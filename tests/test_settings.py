"""Settings: what wins, what is refused, and that nothing is lost when one is written."""

import os
import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cardctl.config_file import remember
from cardctl.settings import (
    BadConfigFile,
    Origin,
    UnknownLanguage,
    UnknownProfile,
    UnknownSetting,
    hide_password,
    load_settings,
)


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


class Places:
    """A home, a project folder below another one, an environment and flags."""

    def __init__(self, root):
        self.home = root / "home"
        self.project = root / "project"
        self.directory = self.project / "inner" / "innermost"
        self.directory.mkdir(parents=True)
        self.home.mkdir()
        self.environment = {"CARDCTL_HOME": str(self.home)}
        self.flags = {}

    def user(self, text):
        (self.home / "config.toml").write_text(text)

    def team(self, text):
        (self.project / "cardctl.toml").write_text(text)

    def load(self):
        return load_settings(self.flags, self.environment, self.directory)


def test_without_anything_the_store_is_in_the_home(places):
    settings = places.load()
    assert settings.store == f"sqlite:///{places.home}/cardctl.db"
    assert settings.origin("store") is Origin.DEFAULT
    assert settings.language is None
    assert settings.operator is None


def test_each_origin_beats_those_below_it(places):
    expected = []
    for origin, put in (
        (Origin.USER_FILE, lambda: places.user('operator = "user-file"')),
        (Origin.PROJECT_FILE, lambda: places.team('operator = "project-file"')),
        (Origin.ENVIRONMENT, lambda: places.environment.update(CARDCTL_OPERATOR="environment")),
        (Origin.FLAG, lambda: places.flags.update(operator="flag")),
    ):
        put()
        found = places.load().values["operator"]
        expected.append((found.value, found.origin) == (origin, origin))
    assert expected == [True] * 4


def test_an_empty_variable_counts_as_none(places):
    places.environment["CARDCTL_OPERATOR"] = ""
    assert places.load().operator is None


def test_a_place_is_named(places):
    places.team('store = "sqlite:////a.db"')
    assert places.load().values["store"].place == str(places.project / "cardctl.toml")
    places.environment["CARDCTL_STORE"] = "sqlite:////b.db"
    assert places.load().values["store"].place == "CARDCTL_STORE"
    places.flags["store"] = "sqlite:////c.db"
    assert places.load().values["store"].place == "--store"


def test_a_profile_beats_the_files_but_not_the_environment(places):
    places.user(
        'profile = "test"\nstore = "sqlite:////a.db"\n[profiles.test]\nstore = "sqlite:////t.db"'
    )
    assert places.load().store == "sqlite:////t.db"
    places.environment["CARDCTL_STORE"] = "sqlite:////e.db"
    assert places.load().store == "sqlite:////e.db"


def test_a_profile_named_by_a_flag_gets_its_store_whatever_the_environment_says(places):
    places.user('[profiles.test]\nstore = "sqlite:////t.db"')
    places.environment["CARDCTL_STORE"] = "sqlite:////e.db"
    places.flags["profile"] = "test"
    assert places.load().store == "sqlite:////t.db"


def test_an_unknown_profile_is_refused(places):
    places.environment["CARDCTL_PROFILE"] = "tset"
    with pytest.raises(UnknownProfile):
        places.load()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("store = ", BadConfigFile),
        ("store = 3", BadConfigFile),
        ('profiles = "x"', BadConfigFile),
        ("profiles.test = 3", BadConfigFile),
        ('stroe = "x"', UnknownSetting),
        ('[profiles.test]\nstroe = "x"', UnknownSetting),
        ('language = "fr"', UnknownLanguage),
    ],
)
def test_a_bad_file_is_refused_and_named(places, text, error):
    places.user(text)
    with pytest.raises(error) as refusal:
        places.load()
    assert error is UnknownLanguage or str(places.home) in str(refusal.value)


@pytest.mark.parametrize(
    "line",
    [
        'key_source = "command:curl example.test"',
        'smtp_password_source = "command:curl example.test"',
        # A password that is the user's own would be told to it.
        'smtp_host = "mail.example.test"',
    ],
)
def test_a_folder_s_file_may_not_choose_what_gives_a_key_or_gets_a_password(places, line):
    places.team(line)
    with pytest.raises(BadConfigFile):
        places.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(places):
    places.team('store = "sqlite:////a.db"')
    os.chown(places.project / "cardctl.toml", 12345, -1)
    with pytest.raises(BadConfigFile):
        places.load()


def test_what_is_written_is_read_and_private(places):
    path = places.home / "config.toml"
    remember(path, "operator", 'a"b\\c\nd\x7f')
    assert places.load().operator == 'a"b\\c\nd\x7f'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_comments_and_everything_else_stay(places):
    path = places.home / "config.toml"
    places.user(
        '# mine\nstore = "sqlite:////a.db"  # old\n\n[profiles.test]\n# theirs\noperator = "T"\n'
    )
    remember(path, "operator", "O")
    remember(path, "store", "sqlite:////b.db")
    remember(path, "language", "zh", profile="test")
    remember(path, "store", "sqlite:////n.db", profile="new")
    assert path.read_text() == (
        '# mine\nstore = "sqlite:////b.db"\noperator = "O"\n\n'
        '[profiles.test]\n# theirs\noperator = "T"\nlanguage = "zh"\n\n'
        '[profiles.new]\nstore = "sqlite:////n.db"\n'
    )


def test_a_setting_that_is_none_is_not_written(places):
    path = places.home / "config.toml"
    with pytest.raises(UnknownSetting):
        remember(path, "stroe", "x")
    with pytest.raises(UnknownSetting):
        remember(path, "profile", "x", profile="test")
    with pytest.raises(UnknownProfile):
        remember(path, "store", "x", profile="a]b")
    assert not path.exists()


def test_a_file_that_cannot_be_read_is_not_written_over(places):
    places.user("store = ")
    with pytest.raises(BadConfigFile):
        remember(places.home / "config.toml", "operator", "O")
    assert (places.home / "config.toml").read_text() == "store = "


@given(value=some.text(some.characters(codec="utf-8"), min_size=1))
def test_any_text_survives(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("home") / "config.toml"
    remember(path, "operator", value)
    assert tomllib.loads(path.read_text("utf-8"))["operator"] == value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h/db", "postgresql://u:***@h/db"),
        ("postgresql+psycopg://u:p%40:x@h:5432/db", "postgresql+psycopg://u:***@h:5432/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://u:p/p?p#p@h/db", "postgresql://u:***@h/db"),
        ("postgresql://h/db?user=u&password=p", "postgresql://h/db?user=u&password=***"),
        ("postgresql://h/db?sslpassword=p&x=1", "postgresql://h/db?sslpassword=***&x=1"),
    ],
)
def test_a_password_is_never_shown(url, shown):
    assert hide_password(url) == shown
