"""What can be wrong with a key, a slot or what is sealed.

Leaves of `VaultError` end with 7; a contradiction on the command line ends with 2.
"""

from cardctl.errors import (
    CardctlError,
    ExitStatus,
    NotFound,
    StateForbids,
    UsageRefused,
    VaultError,
)


class NoKey(VaultError):
    """A key is needed and none was given."""

    code = "no-key"
    message = "this needs a key, and none was given"
    hint = "give --key-source file:PATH, or set CARDCTL_KEY_FILE"


class WrongKey(VaultError):
    """The key opens no slot of this store."""

    code = "wrong-key"
    message = "wrong key for this store"
    hint = "cardctl vault status"


class OtherSlotsKey(VaultError):
    """The key opens a slot, but not the one that was named."""

    code = "other-slot"
    message = "the key in use opens the slot {slot}, not {name}"
    hint = "cardctl vault slot list"


class MalformedKey(VaultError):
    """What the source holds is not a key."""

    code = "malformed-key"
    message = "what {origin} holds is not a cardctl key: mistyped, cut off or something else"
    hint = "a key begins with CARDCTL-KEY-1- and goes on with 56 letters and digits"


class KeyExposed(VaultError):
    """Others may read the key file."""

    code = "key-exposed"
    message = "the key file {path} can be read or written by others (mode {mode})"
    hint = "chmod 600 {path}; when others had access: cardctl vault slot add, slot remove, rotate"


class KeyUnreadable(VaultError):
    """A source that was chosen gives no key."""

    code = "key-unreadable"
    message = "no key can be read from {origin}: {reason}"
    hint = "cardctl vault status"


class KeyringRefused(VaultError):
    """There is no keyring that is known to keep a secret."""

    code = "keyring-refused"
    message = "the keyring {backend} is not one that cardctl trusts with a key"
    hint = "use a key file: --key-source file:PATH"


class KeyringSilent(VaultError):
    """The keyring did not answer in time, or lost what it was given."""

    code = "keyring-silent"
    message = "the keyring does not answer, or did not keep what it was given"
    hint = "unlock it, or use a key file: --key-source file:PATH"


class NeedsFullKey(VaultError):
    """A key that imports was used where cards are opened or slots changed."""

    code = "needs-full-key"
    message = "the key of slot {slot} has the scope {scope}: it cannot open cards or change slots"
    hint = "use a key with the scope full: cardctl vault slot list"


class SlotTampered(VaultError):
    """A slot or the keyset in it is not what was put there."""

    code = "slot-tampered"
    message = "the slot {slot} or the keyset in it was changed by something other than cardctl"
    hint = "cardctl vault verify with another key, then restore the last backup"


class KeyTampered(VaultError):
    """A batch's data key is not what was put there."""

    code = "data-key-tampered"
    message = "the data key of a batch does not open: it was changed or exchanged"
    hint = "cardctl vault verify"


class Tampered(VaultError):
    """A sealed value of a card is not what was put there."""

    code = "card-tampered"
    message = "what is sealed in the card {card} does not open: it was changed or exchanged"
    hint = "cardctl vault verify"


class FilePasswordTampered(VaultError):
    """The file password of a supplier is not what was put there."""

    code = "file-password-tampered"
    message = "the file password of supplier {supplier} does not open: it was changed or exchanged"
    hint = "cardctl supplier password set {supplier}"


class WebhookTampered(VaultError):
    """The webhook of a channel or a supplier is not what was put there."""

    code = "webhook-tampered"
    message = "the webhook of {noun} {name} does not open: it was changed or exchanged"
    hint = "cardctl {noun} webhook set {name}"


class SeveralKeySources(UsageRefused):
    """The environment names more than one key."""

    code = "several-key-sources"
    message = "more than one key source is set: {names}"
    hint = "keep one of them"


class BadKeySource(UsageRefused):
    """A key source that does not read as one."""

    code = "bad-key-source"
    message = "{origin} does not name a key source"
    hint = "file:PATH, env:VAR, fd:N, command:…, keyring, passphrase or credential"


class NoSlot(NotFound):
    """There is no slot of that name."""

    hint = "cardctl vault slot list"


class LastFullSlot(StateForbids):
    """Removing it would lock every card away for good."""

    code = "last-full-slot"
    message = "{slot} is the last slot with the scope full: without it no card could be opened"
    hint = "cardctl vault slot add keyfile --out PATH"


class KeyFileUnwritable(UsageRefused):
    """A key file cannot be made where it should be."""

    code = "key-file-unwritable"
    message = "the key file {path} cannot be written: {reason}"
    hint = "name a path in a folder that exists and is yours"


class KeyringTaken(StateForbids):
    """The keyring holds the key of a slot of this store already."""

    code = "keyring-taken"
    message = "the keyring holds the key of the slot {slot} already"
    hint = "cardctl vault slot remove {slot}"


class FileTaken(StateForbids):
    """A file is there already and is not overwritten."""

    code = "file-exists"
    message = "there is a file at {path} already"
    hint = "name another path, or move the file away"


class RotatedMeanwhile(CardctlError):
    """Another process rotated the keys after this one had opened its slot."""

    code = "job-running"
    exit_status = ExitStatus.JOB_RUNNING
    message = "another command has rotated the keys or changed the slots meanwhile"
    hint = "run the same command again"
