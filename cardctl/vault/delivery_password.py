"""The password of an order's encrypted attachment.

It is derived from a key that only the scope full holds and from the order's name: it need not be
kept anywhere, a mail that is sent again has the same one, and the shop can tell it to the buyer by
another way than the mail at any time. Whoever knows the password of one order knows no other's.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cardctl.vault.envelope import bind
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 of them, none of which is read as another: 5 bits each."""
_GROUPS, _GROUP = 4, 4

DRAWN_SPINS = 1_000
"""How often it is hashed to protect a workbook (see `protected_package.SPINS`).

Hashing makes up for the few bits of a password that a person chose. This one has 80, drawn
evenly: 2^80 guesses at 1,000 hashes each are out of anybody's reach. Excel's 100,000 would add less
than 7 bits, and a tenth of a second and more to each of 100,000 mails.
"""


def delivery_password(vault: Vault, *, order: str) -> Secret:
    """Sixteen letters and digits in groups, such as `ABCD-…`; raises `NeedsFullKey`."""
    info = bind("cardctl delivery password 1", vault.store_id, order)
    derivation = HKDF(algorithm=SHA256(), length=_GROUPS * _GROUP, salt=None, info=info)
    drawn = derivation.derive(vault.full_keyset().signing_seed)
    letters = "".join(_LETTERS[octet % len(_LETTERS)] for octet in drawn)
    groups = (letters[place : place + _GROUP] for place in range(0, len(letters), _GROUP))
    return Secret("-".join(groups))
