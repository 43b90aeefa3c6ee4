"""Reading forms and links of a page."""

from rehearsal.pages import Page

TEXT = """
<a href="/book/visit/check?who=1&amp;room=2">08:00</a>
<form action="/signout"><button>out</button></form>
<form method="POST" action="/book/visit">
  <input type="hidden" name="version" value="3"><input name="note" value=""><input type="checkbox" name="sure">
  <input type="radio" name="who" value="a"><input type="radio" name="who" value="b" checked>
  <select name="room"><option value="">choose</option><option value="r1">1</option>
  <option value="r2" selected>2</option></select>
  <textarea name="words"></textarea><button type="submit">send</button>
</form>
<input id="link" readonly value="http://127.0.0.1/i#secret"><video src="/records/1/media/a.webm"></video>
"""


def test_a_form_says_what_it_would_send_and_what_can_be_chosen() -> None:
    """Hidden fields, what is checked and what is selected are sent; empty choices are none."""
    form = Page("/book", TEXT).form("/book/visit")
    assert form is not None
    assert form.method == "post"
    assert form.values == {"version": "3", "note": "", "who": "b", "room": "r2", "words": ""}
    assert form.choices == {"who": ["a", "b"], "room": ["r1", "r2"]}


def test_links_players_and_fields_to_copy_are_found() -> None:
    """Addresses are unescaped; a part picks among them."""
    page = Page("/book", TEXT)
    assert page.links("/check?") == ["/book/visit/check?who=1&room=2"]
    assert page.links("/i#") == ["http://127.0.0.1/i#secret"]
    assert page.links("/media/") == ["/records/1/media/a.webm"]


def test_a_form_that_is_not_there_is_none() -> None:
    """Nothing is made up for an unknown action."""
    assert Page("/", TEXT).form("/elsewhere") is None
    assert [form.action for form in Page("/", TEXT).forms()] == ["/signout", "/book/visit"]
