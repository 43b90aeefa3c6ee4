"""Who is named in a composed picture, and who is not."""

import pytest

from people.veil import Veil
from recordings.captions import NO_PICTURE, ROLES, alias, labels, short


def said(event, endpoint, present, role="", name=""):
    return {
        "public": {"event": event, "endpoint": endpoint, "present": present, "role": role},
        "private": {"name": name},
    }


@pytest.mark.parametrize(
    ("name", "shown"), [("张伟民", "张某某"), (" 欧阳娜 ", "欧某某"), ("Zhang Wei", "Z. ×"), ("", ""), ("  ", "")]
)
def test_an_alias_tells_no_more_than_a_family_name(name, shown):
    """As in a published document."""
    assert alias(name) == shown


@pytest.mark.parametrize("role", ["detainee", "witness", "victim", "guardian", "something new"])
def test_whoever_is_not_in_an_office_is_never_named(role):
    """Minors and protected persons among them; a role nobody foresaw too."""
    (words,) = labels([said("person", "ep-1", "p-1", role, "张伟民")]).values()
    assert "伟民" not in words
    assert "张某某" in words


def test_the_alias_of_a_protected_person_stands_as_it_is():
    """Said by name before they were protected, or by alias: not even the family name is left."""
    veil = Veil({"张伟民": "化名甲"})
    for name in ("张伟民", "化名甲"):
        assert labels([said("person", "ep-1", "p-1", "witness", name)], veil) == {"ep-1": "证人 Witness 化名甲"}


def test_beside_somebody_hidden_nobodys_family_name_is_written():
    """A guardian's is the child's; it stays away when the child left before the end, and from every other endpoint."""
    veil = Veil({"张小明": "未成年人甲", "某人": "化名乙"})
    here = [
        said("person", "ep-1", "p-1", "victim", "未成年人甲"),
        said("person", "ep-1", "p-2", "guardian", "张伟民"),
        said("person", "ep-2", "p-3", "officer", "王强"),
        said("person", "ep-3", "p-4", "party", "张大山"),
    ]
    left = [*here, said("person-dropped", "ep-1", "p-1")]
    assert labels(here, veil) == {
        "ep-1": "被害人 Victim 未成年人甲  法定代理人 Guardian",
        "ep-2": "办案民警 Officer 王强",
        "ep-3": "参加人 Party",
    }
    assert "张" not in "".join(labels(left, veil).values())
    assert labels(here[1:2], veil) == {"ep-1": "法定代理人 Guardian 张某某"}


def test_officers_are_named_and_share_a_caption():
    """Two at one endpoint; one who left the list is not written."""
    found = labels(
        [
            said("person", "ep-1", "p-1", "officer", "王强"),
            said("person", "ep-1", "p-2", "officer", "李敏"),
            said("person", "ep-1", "p-3", "interpreter", "赵一凡"),
            said("joined", "ep-2", ""),
            said("person-dropped", "ep-1", "p-3"),
        ]
    )
    assert found == {"ep-1": "办案民警 Officer 王强、李敏"}


def test_a_narrow_caption_keeps_role_and_name():
    """Only the English of the role goes."""
    assert short("被讯问人 Person questioned 张某某 · 全景 Wide") == "被讯问人 张某某 · 全景"
    assert short(f"办案民警 Officer 王强 · {NO_PICTURE}") == "办案民警 王强 · 没有画面"
    assert all(short(text) == text.partition(" ")[0] for text in ROLES.values())
