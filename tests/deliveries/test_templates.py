"""Templates: the shop's words in both languages, its own before ours, broken ones refused whole."""

from zoneinfo import ZoneInfo

import pytest

from cardctl.clock import NEVER
from cardctl.deliveries.message import Message, Sender, SentCard
from cardctl.deliveries.templates import BadTemplate, Templates
from cardctl.deliveries.wording import described
from cardctl.settings import Language
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ProductKind

SHANGHAI = ZoneInfo("Asia/Shanghai")


def card(*, sku="VIP", in_text=False, number=None, line=1):
    return SentCard(
        line=line,
        sku=sku,
        product=f"{sku} 会员",
        kind=ProductKind.CODE,
        number=Secret(number) if number else None,
        secret=Secret(f"SECRET-{sku}"),
        fields={"密保": Secret("made-up")},
        expires_at=NEVER,
        guide="在APP内兑换",
        secret_in_text=in_text,
    )


def message(*cards, buyer="小王\nBcc: x@example.test"):
    return Message(
        bucket=0,
        delivery_id=1,
        idempotency_key="0" * 32,
        attempt=1,
        reprint=0,
        created_at=0,
        order="TB:1",
        channel="TB",
        number="1",
        channel_id=1,
        buyer=buyer,
        email="a@example.test",
        phone=None,
        cards=cards,
    )


def sender(language):
    return Sender(language, SHANGHAI, name="卡铺", contact="微信 made-up")


def filled(home, language, *cards, secrets="in-text"):
    told = described(message(*cards), sender(language), secrets=secrets)
    return Templates(home, language).mail(told)


@pytest.mark.parametrize("language", list(Language))
def test_ours_tell_all_that_may_be_told_and_no_more(tmp_path, language):
    mail = filled(tmp_path, language, card(in_text=True, number="0001"), card(sku="CARD", line=2))
    assert "TB:1" in mail.subject
    for said in ("VIP 会员 × 1", "SECRET-VIP", "0001", "在APP内兑换", "微信 made-up", "made-up"):
        assert said in mail.body
    assert "SECRET-CARD" not in mail.body
    assert {Language.EN: "no end", Language.ZH: "长期有效"}[language] in mail.body
    assert "\n\n\n" not in mail.body
    notice = Templates(tmp_path, language).notice(
        described(message(card()), sender(language), secrets="none")
    )
    assert "VIP 会员 × 1" in notice
    assert "SECRET" not in notice


def test_a_shop_s_own_win_and_a_subject_stays_one_line(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "A%2FB.zh.txt").write_bytes(
        "\ufeffSubject: {{ buyer }}\r\n\r\n给 {{ buyer }}".encode()
    )
    (folder / "mail.zh.txt").write_text("Subject: 众\n所有", encoding="utf-8")
    own = filled(tmp_path, Language.ZH, card(sku="A/B"))
    assert own.subject == "小王 Bcc: x@example.test"
    assert own.body.startswith("给 小王")
    assert filled(tmp_path, Language.ZH, card(sku="A/B"), card(line=2)).subject == "众"
    assert "TB:1" in filled(tmp_path, Language.EN, card(sku="A/B")).subject


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no subject\n", "first line"),
        ("Subject: x\n\n{{ ordr }}", "ordr"),
        ("Subject: x\n\n{% if %}", "line 3"),
        ("Subject: x\n{% include '/etc/passwd' %}", ""),
        ("Subject: x\n{{ order.__class__.__mro__ }}", ""),
        ("Subject: x\n{{ ''.__class__.__base__.__subclasses__() }}", ""),
        ("Subject: x\n{{ 1 / 0 }}", "ZeroDivisionError"),
        ("Subject: x\n{{ 'x' * 9999999 }}", "too long"),
        (b"Subject: \xff\n", "UTF-8"),
        ("Subject: x\n" + "x" * 300_000, "too long"),
    ],
)
def test_a_broken_one_is_named_before_anybody_is_written_to(tmp_path, text, reason):
    folder = tmp_path / "templates"
    folder.mkdir()
    path = folder / "ANY.en.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadTemplate) as refused:
        Templates(tmp_path, Language.EN).check()
    assert refused.value.details["file"] == str(path)
    assert reason in refused.value.details["reason"]
    Templates(tmp_path, Language.ZH).check()


def test_one_that_breaks_at_an_order_does_not_repeat_what_it_holds(tmp_path):
    (tmp_path / "templates").mkdir()
    own = "Subject: x\n{% for c in products[0].cards %}{{ {'x': 1}[c.secret] }}{% endfor %}"
    (tmp_path / "templates" / "mail.en.txt").write_text(own)
    Templates(tmp_path, Language.EN).check()
    with pytest.raises(BadTemplate) as refused:
        filled(tmp_path, Language.EN, card(in_text=True))
    assert "SECRET" not in str(refused.value)
