"""The body of a task, which HubSpot shows as HTML, made of plain text. Pure.

Laws: no text becomes markup; what nobody can see is left out; a link leads to the portal's own pages or is no link; the end of a
text, which says where the task comes from, is never cut. In a portal without a property for refsync's key, the key is the last
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import groupby

LONGEST_TEXT = 10_000
"""Characters of a task's text; escaped they still fit into HubSpot's 65,536."""
LONGEST_SUBJECT = 255
_TAIL = 1_000
"""Characters at the end of a text that are kept when its middle is cut."""
_CUT = "\n…\n"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Control characters but tab and newline, those of no width, and those that turn the direction of writing."""
_ITEM = re.compile(r"[-*•]\s+")
_LINK = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~/?&=%+#-]*)?")
_KEY_LINE = re.compile(r"^\s*refsync ([0-9a-f]{64})\s*$", re.MULTILINE)
_BREAK = re.compile(r"(?i)<br\s*/?>|</(?:p|div|li|ul|ol)>")
_TAG = re.compile(r"<[^>]*>")


def html(text: str, *, host: str = "", key: str = "") -> str:
    """Return plain text as HubSpot shows it well: paragraphs, lists of lines that begin with a dash, and links to `host`.

    `key` becomes the last line.
    """
    plain = _shortened(seen(text.replace("\r\n", "\n")).strip())
    paragraphs = [part.split("\n") for part in re.split(r"\n\s*\n", plain) if part.strip()]
    blocks = [block for lines in paragraphs for block in _blocks(lines, host)]
    return "".join([*blocks, f"<p>refsync {escape(key)}</p>"] if key else blocks)


def key_in(body: str) -> str:
    """Return the key in a task's body, the last one that has a line to itself, whatever people wrote below it; else nothing."""
    text = _TAG.sub("", _BREAK.sub("\n", body)).replace("\xa0", " ").replace("&nbsp;", " ")
    found = _KEY_LINE.findall(text)
    return str(found[-1]) if found else ""


def words(body: str) -> list[str]:
    """Return what a reader reads of a body: HubSpot and its editor mend the markup, people change words."""
    return unescape(_TAG.sub(" ", body)).split()


def subject(text: str) -> str:
    """Return a text on one line, cut to what every list of tasks can show."""
    line = " ".join(seen(text).split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1].rstrip() + "…"


def seen(text: str) -> str:
    """Return a text without what a reader cannot see."""
    return _UNSEEN.sub("", text)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return text[: LONGEST_TEXT - _TAIL - len(_CUT)].rstrip() + _CUT + text[-_TAIL:].lstrip()


def _blocks(lines: list[str], host: str) -> Iterator[str]:
    """Yield the lines of one paragraph as paragraphs and lists."""
    for is_list, some in groupby(lines, key=lambda line: bool(_ITEM.match(line))):
        shown = [_line(_ITEM.sub("", line, count=1) if is_list else line, host) for line in some]
        yield f"<ul>{''.join(f'<li>{line}</li>' for line in shown)}</ul>" if is_list else f"<p>{'<br>'.join(shown)}</p>"


def _line(line: str, host: str) -> str:
    parts, at = [], 0
    for link in _LINK.finditer(line) if host else ():
        address = link[0].rstrip(".")
        if address.partition("//")[2].partition("/")[0].lower() == host.lower():
            parts += [escape(line[at : link.start()]), f'<a href="{escape(address)}">{escape(address)}</a>']
            at = link.start() + len(address)
    return "".join([*parts, escape(line[at:])])
