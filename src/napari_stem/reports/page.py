"""Self-contained pages of HTML: their style, and figures in them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } .sub { opacity: .7; margin-top: .2rem; }
h2 { margin-top: 2.2rem; border-bottom: 2px solid #8886; }
.note { border-left: 4px solid #E69F00; padding: .3rem 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #8884; }
.trust td { text-align: left; vertical-align: top; } .trust th { text-align: left; }
.trust td:nth-child(2) { white-space: nowrap; }
.trust tr { border-left: 8px solid transparent; } .trust .high { border-left-color: #009E73; }
.trust .medium { border-left-color: #56B4E9; } .trust .low { border-left-color: #E69F00; }
.trust .none { border-left-color: #8888; opacity: .65; }
img { max-width: 100%; background: white; border-radius: 6px; }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .8rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; word-break: break-word; font-size: .75rem; opacity: .8; }
"""


def write_page(path: str | Path, title: str, parts: Iterable[str]) -> None:
    """Write a page of parts that are HTML already; the title is text.

    Raises
    ------
    StorageError
        The file cannot be written; what stood there stays.
    """
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def picture(figure: Figure, alt: str) -> str:
    """A figure as HTML that needs no file beside it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
