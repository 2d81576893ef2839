"""What a password must be that people choose for a workbook of cards in clear.

It is all that protects them: whoever has the file tries passwords as long as he likes.
"""

from cardctl.errors import UsageRefused
from cardctl.vault.protected_package import PASSWORD_MAX
from cardctl.vault.secret import Secret

PASSWORD_MIN = 8


class PasswordTooLong(UsageRefused):
    """Excel does not take a password as long as that."""

    code = "password-too-long"
    message = "the password of a workbook has at most {most} characters"
    hint = "choose a shorter one"


class PasswordTooShort(UsageRefused):
    """A password that is tried through before long."""

    code = "password-too-short"
    message = "the password of a workbook with cards in clear has at least {least} characters"
    hint = "choose a longer one: whoever has the file can try passwords without end"


def check_chosen(password: Secret) -> None:
    """Raises `PasswordTooShort` and `PasswordTooLong`."""
    length = len(password.reveal())
    if length < PASSWORD_MIN:
        raise PasswordTooShort(least=PASSWORD_MIN)
    if length > PASSWORD_MAX:
        raise PasswordTooLong(most=PASSWORD_MAX)
