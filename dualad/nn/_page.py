"""Pages of HTML that need nothing but themselves: text, tables and pictures inside one file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #666; --line: #ddd; --back: #f6f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
p { margin: .3rem 0 .8rem; }
.soft { color: var(--soft); }
section { background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.cards div { background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem; }
.cards b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.cards span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0 0 1rem; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figure.wide img { max-width: none; width: 100%; min-width: 34rem; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .3rem; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole document."""
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n" + "\n".join(p for p in parts if p) +
            "\n</main>\n</body>\n</html>\n")


def section(title: str, *parts: str) -> str:
    """A part of the page; nothing where there is nothing to say."""
    parts = tuple(p for p in parts if p)
    return f"<section>\n<h2>{html.escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>" if parts else ""


def paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def cards(facts: dict[str, str]) -> str:
    """Numbers in large type, with what they are."""
    each = (f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>" for name, value in facts.items())
    return f'<div class="cards">{"".join(each)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows of text; the columns `numbers` are aligned to the right."""
    kind = ['class="number"' if k in numbers else "" for k in range(len(head) or max(map(len, rows), default=0))]

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag} {c}>".replace(" >", ">") + f"{html.escape(text)}</{tag}>" for c, text in zip(kind, row))

    top = f"<thead><tr>{cells('th', head)}</tr></thead>" if head else ""
    return f'<div class="scroll"><table>{top}<tbody>' + "".join(f"<tr>{cells('td', row)}</tr>" for row in rows) + "</tbody></table></div>"


def picture(drawn: Any, caption: str, lines: bool = False, wide: bool = False) -> str:
    """A figure or axes of matplotlib: `lines` as vectors, others as pixels; a `wide` one is moved sideways on small screens."""
    figure = getattr(drawn, "figure", None) or drawn
    file = io.BytesIO()
    if lines:
        figure.savefig(file, format="svg", metadata={"Date": None})
    else:
        figure.savefig(file, format="png", dpi=130)
    kind, data = "svg+xml" if lines else "png", base64.b64encode(file.getvalue()).decode()
    text = html.escape(caption)
    image = f'<img alt="{text}" src="data:image/{kind};base64,{data}">'
    return f'<figure class="{"wide" if wide else "plain"}"><div class="scroll">{image}</div><figcaption>{text}</figcaption></figure>'
