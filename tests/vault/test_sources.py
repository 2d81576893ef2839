"""Where a key comes from: one order, and no falling through."""

import os
import sys

import pytest

from cardctl.vault import keychain, sources
from cardctl.vault.failures import (
    BadKeySource,
    FileTaken,
    KeyExposed,
    KeyFileUnwritable,
    KeyringRefused,
    KeyringSilent,
    KeyUnreadable,
    MalformedKey,
    NoKey,
    SeveralKeySources,
)
from cardctl.vault.key_files import read_key_file, write_key_file, written_key_file
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Passphrase, SlotKey, new_slot_key
from cardctl.vault.sources import KeySource, SourceKind, find_key_sources, parse_key_source

# Fixed: parameters of tests must be the same in every process of a test run.
KEY = SlotKey(bytes(range(32)))
TEXT = KEY.text().reveal()
STORE = "0" * 32


def find(environment=None, *, flag=None, configured=None, may_ask=False):
    found = find_key_sources(
        flag=flag, configured=configured, environment=environment or {}, may_ask=may_ask
    )
    return [source.spec for source in found]


def read(*specs, environment=None, ask=None):
    named = [
        spec if isinstance(spec, KeySource) else parse_key_source(spec, origin="test")
        for spec in specs
    ]
    return sources.read_key_source(
        named, store_id=STORE, environment={} if environment is None else environment, ask=ask
    )


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "shop.key"
    write_key_file(path, KEY.text())
    return path


def test_the_order_of_sources(tmp_path):
    (tmp_path / "cardctl.key").touch()
    everything = {
        "CARDCTL_KEY_FILE": "/k",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "DISPLAY": ":0",
    }
    asked = {"configured": "env:MINE", "may_ask": True}
    assert find(everything, flag="keyring", **asked) == ["keyring"]
    assert find(everything, **asked) == ["file:/k"]
    del everything["CARDCTL_KEY_FILE"]
    assert find(everything, **asked) == ["credential"]
    del everything["CREDENTIALS_DIRECTORY"]
    assert find(everything, **asked) == ["env:MINE"]
    assert find(everything, may_ask=True) == ["keyring", "passphrase"]
    assert find({}, may_ask=True) == ["passphrase"]
    assert find(everything) == []


def test_a_credentials_folder_without_a_key_is_passed_over(tmp_path):
    assert find({"CREDENTIALS_DIRECTORY": str(tmp_path)}, configured="env:MINE") == ["env:MINE"]


@pytest.mark.parametrize(
    ("variable", "value", "spec"),
    [
        ("CARDCTL_KEY_FD", "3", "fd:3"),
        ("CARDCTL_KEY_FILE", "/a:b", "file:/a:b"),
        ("CARDCTL_KEY_COMMAND", "pass show x", "command:pass show x"),
        ("CARDCTL_KEY", TEXT, "env:CARDCTL_KEY"),
    ],
)
def test_each_variable_names_a_source(variable, value, spec):
    assert find({variable: value}) == [spec]


def test_two_variables_contradict_each_other():
    with pytest.raises(SeveralKeySources) as refusal:
        find({"CARDCTL_KEY": TEXT, "CARDCTL_KEY_FILE": "/k"})
    assert TEXT not in str(refusal.value)


@pytest.mark.parametrize(
    "spec", ["", "file", "file:", "env:", "fd:x", "fd:-1", "keyring:x", "vault:1", TEXT]
)
def test_a_bad_spec_is_refused_and_not_repeated(spec):
    with pytest.raises(BadKeySource) as refusal:
        parse_key_source(spec, origin="--key-source")
    assert refusal.value.details == {"origin": "--key-source"}


@pytest.mark.parametrize("kind", ["file", "env", "command"])
def test_a_key_in_place_of_its_place_is_not_repeated(kind):
    with pytest.raises(BadKeySource) as refusal:
        parse_key_source(f"{kind}:{TEXT}", origin="--key-source")
    assert TEXT not in str(refusal.value.details)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_key_in_the_variable_for_its_file_is_not_printed(shop):
    shop.seed_catalog()
    told = shop.run("card find -", status=2, stdin="X", env={"CARDCTL_KEY_FILE": TEXT})
    assert TEXT not in told.stdout + told.stderr


def test_a_key_file_is_read(key_file):
    assert read(f"file:{key_file}") == KEY
    assert key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_key_file_that_others_can_use_is_refused(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(KeyExposed) as refusal:
        read(f"file:{key_file}")
    assert refusal.value.details["mode"] == f"{mode:04o}"


@pytest.mark.parametrize("content", [b"", b"junk", TEXT.encode()[:-1], b"\xff\xfe", b"x" * 9999])
def test_a_malformed_key_file_is_refused(key_file, content):
    key_file.write_bytes(content)
    with pytest.raises(MalformedKey):
        read(f"file:{key_file}")


def test_missing_files_and_folders_are_told_apart(tmp_path):
    reasons = set()
    for path in (tmp_path / "none", tmp_path):
        tmp_path.chmod(0o700)
        with pytest.raises(KeyUnreadable) as refusal:
            read(f"file:{path}")
        reasons.add(refusal.value.details["reason"])
    assert len(reasons) == 2


def test_systemd_manages_the_rights_of_its_credentials(tmp_path):
    path = tmp_path / "cardctl.key"
    path.write_text(TEXT)
    path.chmod(0o440)
    assert read("credential", environment={"CREDENTIALS_DIRECTORY": str(tmp_path)}) == KEY


def test_a_variable_is_read_and_taken_away():
    environment = {"CARDCTL_KEY": TEXT, "OTHER": "x"}
    assert read("env:CARDCTL_KEY", environment=environment) == KEY
    assert environment == {"OTHER": "x"}
    with pytest.raises(KeyUnreadable):
        read("env:CARDCTL_KEY", environment=environment)


def test_a_descriptor_is_read():
    reading, writing = os.pipe()
    os.write(writing, TEXT.encode())
    os.close(writing)
    assert read(f"fd:{reading}") == KEY
    with pytest.raises(KeyUnreadable):
        read(f"fd:{reading}")


def command(program):
    return f"command:{sys.executable} -c '{program}'"


def test_a_command_prints_the_key_and_inherits_none():
    program = (
        "import os,sys;"
        'sys.exit(1) if "CARDCTL_KEY_COMMAND" in os.environ else print(os.environ["T"])'
    )
    environment = {"T": TEXT, "CARDCTL_KEY_COMMAND": "x"}
    assert read(command(program), environment=environment) == KEY


@pytest.mark.parametrize("spec", ["command:/no/such/program", command("raise SystemExit(3)")])
def test_a_command_that_fails_is_not_passed_over(spec):
    with pytest.raises(KeyUnreadable):
        read(spec, "env:OTHER", environment={"OTHER": TEXT})


def test_a_command_that_never_ends_its_words_is_cut_off():
    with pytest.raises(KeyUnreadable):
        read("command:yes")


def test_a_command_that_cannot_be_read_is_refused():
    with pytest.raises(BadKeySource):
        read("command:'unbalanced")


def test_a_person_types_a_passphrase_or_a_code():
    assert read("passphrase", ask=lambda: "made up") == Passphrase(Secret("made up"))
    assert read("passphrase", ask=lambda: KEY.recovery_code().reveal().lower()) == KEY
    with pytest.raises(MalformedKey):
        read("passphrase", ask=lambda: TEXT[:-1])


def test_without_a_source_or_a_person_there_is_no_key():
    with pytest.raises(NoKey):
        read()
    with pytest.raises(NoKey):
        read("passphrase")


def test_a_key_file_is_never_overwritten(key_file):
    with pytest.raises(FileTaken):
        write_key_file(key_file, new_slot_key().text())
    assert read_key_file(key_file, origin="test") == KEY
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_a_key_file_needs_a_folder(tmp_path):
    with pytest.raises(KeyFileUnwritable):
        write_key_file(tmp_path / "none" / "a.key", KEY.text())


def test_a_key_file_goes_again_when_its_slot_fails(tmp_path):
    path = tmp_path / "a.key"
    with pytest.raises(AssertionError), written_key_file(path, KEY.text()):
        assert not path.exists()
    assert not path.exists()
    with written_key_file(path, KEY.text(), dry_run=True):
        assert not path.exists()


class FakeKeyring:
    """Stands in for a desktop's keyring."""

    def __init__(self, *, keeps=True, answers=True):
        self.kept = {}
        self.keeps = keeps
        self.answers = answers

    def get_password(self, service, user):
        if not self.answers:
            raise OSError(service)
        return self.kept.get((service, user))

    def set_password(self, service, user, text):
        if self.keeps:
            self.kept[service, user] = text


@pytest.fixture
def keyring_of(monkeypatch):
    import keyring

    def install(backend, *, trusted=True):
        monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
        if trusted:
            name = f"{FakeKeyring.__module__}.{FakeKeyring.__qualname__}"
            monkeypatch.setattr(keychain, "TRUSTED", {name})
        return backend

    return install


UNCHOSEN = KeySource(SourceKind.KEYRING, chosen=False)
PROMPT = KeySource(SourceKind.PASSPHRASE, chosen=False)


def test_the_keyring_keeps_a_key_a_store(keyring_of):
    keyring_of(FakeKeyring())
    keychain.write_keyring(STORE, KEY.text())
    assert read("keyring") == KEY
    assert keychain.read_keyring("1" * 32) is None


def test_a_keyring_that_forgets_is_found_out(keyring_of):
    keyring_of(FakeKeyring(keeps=False))
    with pytest.raises(KeyringSilent):
        keychain.write_keyring(STORE, KEY.text())


def test_an_unknown_backend_is_not_trusted(keyring_of):
    keyring_of(FakeKeyring(), trusted=False)
    with pytest.raises(KeyringRefused):
        keychain.write_keyring(STORE, KEY.text())


def test_a_trusted_backend_is_found_in_a_chain(keyring_of):
    class Chain:
        backends = (object(), FakeKeyring())

    keyring_of(Chain())
    keychain.write_keyring(STORE, KEY.text())
    assert read("keyring") == KEY


def test_a_hanging_keyring_is_left_behind(keyring_of, monkeypatch):
    import threading

    released = threading.Event()

    class Hanging(FakeKeyring):
        def get_password(self, *_):
            released.wait(30)

    keyring_of(Hanging())
    name = f"{Hanging.__module__}.{Hanging.__qualname__}"
    monkeypatch.setattr(keychain, "TRUSTED", {name})
    monkeypatch.setattr(keychain, "_PATIENCE_S", 0.05)
    with pytest.raises(KeyringSilent):
        read("keyring")
    released.set()


@pytest.mark.parametrize("backend", [FakeKeyring(), FakeKeyring(answers=False)])
def test_a_keyring_that_nobody_chose_is_only_looked_into(keyring_of, backend):
    keyring_of(backend)
    assert read(UNCHOSEN, PROMPT, ask=lambda: TEXT) == KEY
    with pytest.raises((KeyUnreadable, KeyringSilent)):
        read("keyring", PROMPT, ask=lambda: TEXT)
