"""Aliases in the place of names, however they were typed, and nothing else changed."""

from dataclasses import dataclass

import pytest

from people.veil import Veil, plain

VEIL = Veil({"王秀兰": "化名甲", "Anna Smith": "化名乙", "王强": "化名丙"})


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("证人王秀兰说，王秀兰在场", "证人化名甲说，化名甲在场"),
        ("王 秀 兰", "化名甲"),
        ("王·秀兰来了", "化名甲来了"),
        ("anna  SMITH was there", "化名乙 was there"),
        ("Hanna Smithson was there", "Hanna Smithson was there"),
        ("Anna-Smith", "化名乙"),
        ("王强在场", "化名丙在场"),
        ("没有这个人", "没有这个人"),
        ("", ""),
    ],
)
def test_free_text_names_nobody(said, shown):
    """A name is found with blanks, dots, other case; a longer word of another script is another word."""
    assert VEIL.text(said) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("王秀兰", "化名甲"),
        (" 王秀兰 ", "化名甲"),
        ("王秀兰女士", "化名甲女士"),
        ("ＡＮＮＡ Smith", "化名乙"),
        ("王强", "化名丙"),
        ("王强军", "王强军"),
        ("小王强", "小王强"),
        ("王强 (证人)", "化名丙 (证人)"),
    ],
)
def test_a_name_is_known_however_it_is_typed(said, shown):
    """Width, blanks and case make no other name; a short name inside a longer one is somebody else."""
    assert VEIL.name(said) == shown


def test_entries_and_messages_are_veiled_through_and_through():
    """Every text of a nested entry, no key, no number; a name field by the rule for names."""
    entry = {"name": "王强军", "words": "王强到了", "王秀兰": [{"label": "王秀兰", "n": 3}, None, True]}
    assert VEIL.value(entry) == {
        "name": "王强军",
        "words": "化名丙到了",
        "王秀兰": [{"label": "化名甲", "n": 3}, None, True],
    }

    @dataclass(frozen=True)
    class Said:
        name: str
        text: str
        number: int = 1

    assert VEIL.message(Said("王秀兰", "我是王秀兰")) == Said("化名甲", "我是化名甲")
    same = Said("李四", "你好")
    assert VEIL.message(same) == same
    assert Veil().message(same) is same


def test_a_veil_tells_no_name_when_printed():
    """What reaches a log by accident names nobody."""
    assert "王秀兰" not in repr(VEIL)
    assert "Anna" not in f"{VEIL}"


def test_the_same_name_is_plain_the_same():
    """Full-width letters, dots of foreign names and blanks do not count."""
    assert plain("阿卜杜拉·艾买提") == plain("阿卜杜拉 艾买提") != plain("阿卜杜拉")
