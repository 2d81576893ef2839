"""What is stored in codes and English is said in the language of the run."""

import pytest

from cardctl.cli.language import speak
from cardctl.cli.stored_words import say_value
from cardctl.deliveries.failures import Rejected, SenderLost, TooSlow, Unreachable
from cardctl.deliveries.smtp import MailLoginRefused, MailUntrusted
from cardctl.deliveries.topup_answer import TopUpRefused
from cardctl.settings import Language

FAILURES = (
    Rejected(host="mail.test", status=550, words="no: 没有"),
    Unreachable(host="mail.test", reason="there is no connection"),
    TooSlow(host="mail.test", seconds=5),
    MailUntrusted(host="mail.test"),
    MailLoginRefused(host="mail.test", user="店铺"),
    TopUpRefused(supplier="SUP", words="", order="TB:1"),
    SenderLost(),
)
ALIKE = ("mail.test", "SUP", "TLS", "no: 没有", "店铺")


@pytest.fixture
def chinese():
    speak(Language.ZH)
    yield
    speak(Language.EN)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.code)
def test_a_stored_failure_is_said_in_chinese(error):
    said = say_value("last_error", str(error))
    assert said != str(error)
    for word in ALIKE:
        said = said.replace(word, "")
    assert not any(letter.isascii() and letter.isalpha() for letter in said)


@pytest.mark.usefixtures("chinese")
def test_reasons_are_said_in_chinese_and_what_is_not_ours_stays():
    for stored, said in (
        ("short: VIP1Y 0/1", "缺货: VIP1Y 0/1"),
        ("held: region-not-sold VIP", "待审: 该地区不售 VIP"),
        ("frozen", "冻结"),
        ("the buyer: short of money", "the buyer: short of money"),
    ):
        assert say_value("reason", stored) == said
    assert say_value("error", "older: a text of before") == "older: a text of before"
    speak(Language.EN)
    assert say_value("error", str(FAILURES[0])) == str(FAILURES[0])
