"""Bars in an SVG picture that stands for itself: no script, no font or style from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygal
from pygal.style import Style

INK, OWN, BESIDE = "#22303c", "#2a6f97", "#b7c4cf"
LINE = 34
"""Height of a bar with the one beside it, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of the picture; None: there is nothing to draw."""

    name: str
    share: int | None
    """In per cent."""
    beside: int | None
    """What it is compared with, in per cent."""


def draw(title: str, bars: Sequence[Bar], *, beside: str) -> str:
    """Return the bars as SVG, the first on top; `beside` says what each is compared with."""
    style = Style(
        background="white",
        plot_background="white",
        foreground=INK,
        foreground_strong=INK,
        foreground_subtle="#d8dee4",
        colors=(OWN, BESIDE),
        value_colors=("white", INK),
        font_family="sans-serif",
        title_font_size=18,
        label_font_size=13,
        major_label_font_size=13,
        value_font_size=12,
        legend_font_size=13,
        opacity="1",
        opacity_hover="1",
        transition="0s",
    )
    chart = pygal.HorizontalBar(
        style=style,
        width=900,
        height=140 + LINE * max(1, len(bars)),
        range=(0, 100),
        js=(),
        print_values=True,
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        show_minor_x_labels=False,
        spacing=6,
        margin=20,
        disable_xml_declaration=True,
        formatter=lambda share: f"{share:.0f}%",
        no_data_text="no customers",
    )
    chart.title = title
    lines = list(reversed(bars))  # pygal begins at the bottom
    chart.x_labels = [bar.name for bar in lines]
    chart.add("in touch", [bar.share for bar in lines])
    chart.add(beside, [bar.beside for bar in lines])
    return str(chart.render(is_unicode=True))
