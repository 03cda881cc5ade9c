"""Waterfalls drawn: all of them on one sheet, one over the other, which is then taken apart.

Drawn as a chart of its own, a waterfall takes twenty milliseconds, of which less than one goes into its marks. The rest
goes into setting up a chart, and into measuring text, for which the renderer looks each letter up in the font's file.
So all waterfalls are marks of one chart, and their texts are written in afterwards: how wide they are changes nothing
but names, of which each is measured once and cut where it is too wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import vl_convert
from markupsafe import escape

from reconcile.report.chart import (
    LAYERS,
    MARGIN_BOTTOM,
    MARGIN_RIGHT,
    MARGIN_TOP,
    MEASURED,
    NAMES_WIDTH,
    PLOT_WIDTH,
    ROW_HEIGHT,
    chart,
)
from reconcile.report.marks import Marks, Waterfall, marks_of

_ELEMENT = re.compile(r"<(?:path|line) [^>]*/>|<text [^>]*/>|<text [^>]*>[^<]*</text>")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def size(waterfall: Waterfall) -> tuple[int, int]:
    """Width and height of a waterfall's drawing."""
    return NAMES_WIDTH + PLOT_WIDTH + MARGIN_RIGHT, MARGIN_TOP + ROW_HEIGHT * len(waterfall.steps) + MARGIN_BOTTOM


def draw(waterfalls: Sequence[Waterfall]) -> tuple[str, ...]:
    """The drawing of each waterfall: what stands inside an SVG element of its size."""
    if not waterfalls:
        return ()
    separate = [marks_of(waterfall) for waterfall in waterfalls]
    together = {layer: [mark for marks in separate for mark in marks[layer]] for layer in LAYERS}
    names = [_drawable(mark.text) for mark in together["names"]]
    different = list(dict.fromkeys(names))
    sheet = _draw_sheet(together, different)
    measured = dict(zip(different, map(_text, _elements(sheet, MEASURED)), strict=True))
    texts: dict[str, list[str]] = {layer: [escape(mark.text) for mark in together[layer]] for layer in LAYERS}
    texts["names"] = [measured[name] for name in names]
    written = {layer: iter(_write(_elements(sheet, layer), texts[layer])) for layer in LAYERS}
    return tuple(_take(written, marks) for marks in separate)


def _draw_sheet(marks: Marks, names: Sequence[str]) -> str:
    places = {layer: [mark.place for mark in marks[layer]] for layer in LAYERS}
    data = {**places, MEASURED: [{"name": name} for name in names]}
    return str(vl_convert.vegalite_to_svg({**chart(), "datasets": data}))


def _elements(sheet: str, layer: str) -> list[str]:
    """The elements of a layer, in the order of its marks."""
    found = re.search(rf'<g class="[^"]* {layer}_marks"[^>]*(?<!/)>(.*?)</g>', sheet, re.DOTALL)
    return _ELEMENT.findall(found[1]) if found else []  # an empty layer is an empty element


def _text(element: str) -> str:
    return element.partition(">")[2].removesuffix("</text>")


def _write(elements: Sequence[str], texts: Sequence[str]) -> list[str]:
    return [
        f"{element.removesuffix('/>')}>{text}</text>" if text else element
        for element, text in zip(elements, texts, strict=True)
    ]


def _take(written: Mapping[str, Iterator[str]], marks: Marks) -> str:
    """The next elements of each layer: as many as a waterfall has marks in it."""
    elements = "".join(element for layer in LAYERS for element in islice(written[layer], len(marks[layer])))
    place = f"translate({NAMES_WIDTH},{MARGIN_TOP})"
    return f'<g fill="none" stroke-miterlimit="10" transform="{place}">{elements}</g>'


def _drawable(name: str) -> str:
    """The renderer takes the characters that XML takes, and ends the process over any other."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", name)
