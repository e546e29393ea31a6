"""What a rep reads in a HubSpot task: plain text as safe HTML, and refsync's key where there is no property for it."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from refsync_hubspot import task_body

HOST = "app.hubspot.com"
KEY = "0123456789abcdef" * 4
TAGS = re.compile(r"</?(?:p|ul|li)>|<br>")


def test_paragraphs_and_lists() -> None:
    """Blank lines part paragraphs, lines that begin with a dash become a list, other line breaks stay."""
    text = "Nobody called.\n\nSeen:\n- a call on 3 May\n- a mail\nThat is all.\n\n\nDone when\nticked off."

    assert (
        "<p>Nobody called.</p><p>Seen:</p><ul><li>a call on 3 May</li><li>a mail</li></ul><p>That is all.</p>"
        "<p>Done when<br>ticked off.</p>"
    ) == task_body.html(text)


def test_markup_is_shown_as_text_and_the_unseen_is_left_out() -> None:
    """Nothing of the text is HTML, also not within a list; nothing hides or turns round."""
    text = '- a <b> & "c"\n<script>alert(1)</script>\u202e\u200b\x00'

    assert ("<ul><li>a &lt;b&gt; &amp; &quot;c&quot;</li></ul><p>&lt;script&gt;alert(1)&lt;/script&gt;</p>") == task_body.html(
        text
    )


def test_links_lead_to_the_portal_only() -> None:
    """An address of HubSpot's own page becomes a link; any other stays text, also one that only looks like it."""
    own, other = f"https://{HOST}/contacts/1/record/0-2/5?a=1&b=2", f"https://{HOST}.evil.example/x"
    shown = task_body.html(f"See {own}. Not {other} or https://user@{HOST}/ or javascript:alert(1)", host=HOST)

    assert f'<a href="{own.replace("&", "&amp;")}">' in shown
    assert 1 == shown.count("<a ")
    assert "<a" not in task_body.html(f"See {own}")


def test_long_texts_lose_their_middle_and_keep_their_end() -> None:
    """A body fits into HubSpot's 65,536 characters whatever it holds; its last lines say where it comes from."""
    for filler in ('"', "- \n", "&\n\n", "x"):
        shown = task_body.html(f"Begin\n\n{filler * 40_000}\n\nWritten by refsync", key=KEY)

        assert len(shown) <= 65_536
        assert shown.startswith("<p>Begin</p>")
        assert shown.endswith(f"<p>Written by refsync</p><p>refsync {KEY}</p>")


def test_long_subjects_are_cut() -> None:
    """A subject is one line of at most 255 characters."""
    assert "a b" == task_body.subject(" a\n\tb\x00 ")
    assert 255 == len(task_body.subject("x" * 300))


def test_key_survives_what_people_do_to_the_text() -> None:
    """The key is found below other lines, in the editor's own markup, and when a person writes something after it."""
    body = task_body.html("Call them", key=KEY)

    assert KEY == task_body.key_in(body)
    assert KEY == task_body.key_in(f'<div dir="auto">Hm</div>{body}<div><p style="margin:0;">&nbsp;I did!</p></div>')
    assert "" == task_body.key_in("<p>Call them</p>")
    assert "" == task_body.key_in(f"<p>They told me refsync {KEY} is it</p>")


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    """Without its own tags nothing of a body is a tag, and every word is there."""
    bare = TAGS.sub("\n", task_body.html(text))

    assert "<" not in bare
    assert ">" not in bare
    assert re.sub(r"[\s*•-]", "", task_body.seen(text)) == re.sub(r"[\s*•-]", "", unescape(bare))


@given(st.text())
def test_key_is_always_found_again(text: str) -> None:
    """Whatever the text, the key on its last line is the one that is found."""
    assert KEY == task_body.key_in(task_body.html(text, key=KEY))
