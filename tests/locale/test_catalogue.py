"""The Chinese catalogue: complete, the one that was compiled, with the same placeholders."""

import string
from pathlib import Path

import pytest

import cardctl
from cardctl.locale.catalogue import MO, PO, as_mo, as_po, build, faults, read_translations
from cardctl.locale.collect import Text, collect

ROOT = Path(cardctl.__file__).parent
FOUND = collect(ROOT)
CHINESE = read_translations()


def test_every_text_has_its_chinese():
    assert faults(FOUND, CHINESE) == []


def test_the_po_file_is_that_of_the_sources():
    assert PO.read_bytes() == as_po(build(FOUND, CHINESE))


def test_the_mo_file_is_that_of_the_po_file():
    assert MO.read_bytes() == as_mo(build(FOUND, CHINESE))


@pytest.mark.parametrize("text", FOUND.places, ids=lambda text: text.english[:40])
def test_a_translation_can_be_filled_like_its_text(text):
    def fields(template):
        return sorted({name for _, name, _, _ in string.Formatter().parse(template) if name})

    assert set(fields(CHINESE.get(text, ""))) <= set(fields(text.english))


def test_what_is_collected_is_what_is_translated():
    from cardctl.cli import failures, stored_words
    from cardctl.locale import collect as collecting

    assert collecting._ERROR_DETAILS == failures.TEXT_DETAILS
    assert stored_words.WORDS >= collecting._WORD_FIELDS


def collected(tmp_path, source, name="cli/commands/x.py"):
    path = tmp_path / "cardctl" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return collect(tmp_path / "cardctl")


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('context.note("Said.")', {Text("Said.")}),
        ('context.confirm("Sure?" if x else "Really?")', {Text("Sure?"), Text("Really?")}),
        ('Column("a_fen", "amount")', {Text("amount")}),
        ('x = typer.Option("--x", help="What.")', {Text("What.")}),
        ('x = yuan("Price.", "--x")', {Text("Price.")}),
        ('slot = noun.group("slot", "Slots.")', {Text("Slots.")}),
        (
            'class E(X):\n    message = "no {x}"\n    hint: str = "do it"',
            {Text("no {x}"), Text("do it")},
        ),
        ('class E(X):\n    code = "not-a-text"\n    hint = "cardctl x list"', set()),
        ('class W(StrEnum):\n    A = "typed"', set()),
        ('raise BadValue(value=x, expected="a day")', {Text("a day")}),
        (
            'context.show({"status": "ok" if x else "bad"}, C)',
            {Text("ok", "word"), Text("bad", "word")},
        ),
        (
            '@noun.verb("x")\ndef x():\n    """Do\n    it.\n\n    More."""',
            {Text("Do it."), Text("More.")},
        ),
        ('def x():\n    """Not said."""', set()),
        ('_("{x}")', set()),
    ],
)
def test_texts_are_found_by_their_place(tmp_path, source, texts):
    assert set(collected(tmp_path, source).places) == texts


def test_the_values_of_an_enumeration_are_words(tmp_path):
    found = collected(tmp_path, 'class W(StrEnum):\n    """Not a text."""\n    A = "held"', "v.py")
    assert set(found.places) == {Text("held", "word")}


def test_a_text_put_together_from_parts_is_told(tmp_path):
    found = collected(tmp_path, 'class E(X):\n    message = f"no {x}"')
    assert found.broken == ["cardctl/cli/commands/x.py:2"]
    assert faults(found, {})


def test_a_text_without_chinese_or_with_other_placeholders_is_told(tmp_path):
    found = collected(tmp_path, '_("no {x}")')
    assert len(faults(found, {})) == 1
    assert len(faults(found, {Text("no {x}"): "没有 {y}"})) == 1
    assert faults(found, {Text("no {x}"): "没有 {x}"}) == []
