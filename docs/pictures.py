"""Draws the pictures of the explanations: ``python docs/pictures.py``.

They are narrow, so that a phone shows them legibly, have no background, and two sets of colours:
one for light pages and one for dark ones.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent / "images"
LANES = 4
STYLE = """
    text { fill: #1b1f24; font: 14px system-ui, sans-serif; text-anchor: middle }
    .left { text-anchor: start }
    .end { text-anchor: end }
    .small { font-size: 12px }
    .code { font: 12px ui-monospace, monospace }
    .box, .line { stroke: #57606a; stroke-width: 1.5; fill: none }
    .box { fill: #eaeef2 }
    .whole { fill: #c9e3fb; stroke: #0a5ca8 }
    .new { fill: #d3f0d6; stroke: #1a7f37 }
    .lost { fill: #fbdcd8; stroke: #b3261e }
    .way { stroke: #d0d7de; stroke-width: 1 }
    .faint { stroke-dasharray: 4 4 }
    .tip { fill: #57606a }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .box, .line { stroke: #8b949e }
      .box { fill: #21262d }
      .whole { fill: #12395c; stroke: #58a6ff }
      .new { fill: #143d20; stroke: #3fb950 }
      .lost { fill: #53201c; stroke: #f0756a }
      .way { stroke: #30363d }
      .tip { fill: #8b949e }
    }
"""


class Picture:
    """One drawing, made of boxes, texts and arrows."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = (width, height)
        self._title = title
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, kind: str = "") -> None:
        """A rectangle with round corners, by its upper left corner."""
        named = f"box {kind}" if kind else "box"
        self._parts.append(
            f'<rect class="{named}" x="{x:g}" y="{y:g}" '
            f'width="{width:g}" height="{height:g}" rx="5"/>'
        )

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """Words, in the middle of which x is, on the line y."""
        named = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text{named} x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def line(self, *points: tuple[float, float], kind: str = "line", tip: bool = True) -> None:
        """Straight lines from point to point, with an arrow's tip at the end."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        end = ' marker-end="url(#tip)"' if tip else ""
        self._parts.append(f'<polyline class="{kind}" points="{path}"{end}/>')

    def svg(self) -> str:
        """The file's text."""
        width, height = self._size
        parts = "\n  ".join(self._parts)
        return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
  <title>{escape(self._title)}</title>
  <style>{STYLE}  </style>
  <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" orient="auto"
      markerWidth="7" markerHeight="7">
    <path class="tip" d="M0,0 L8,4 L0,8 z"/>
  </marker>
  {parts}
</svg>
"""


def log() -> Picture:
    """Positions in their lanes, each continuing the one before."""
    picture = Picture(
        470,
        284,
        "Nine commits as messages in four channels. Commit 1 is in log-1, 2 in log-2, 3 in log-3, "
        "4 in log-0, 5 in log-1 again, and so on. An arrow leads from each commit to the next.",
    )
    left, step, top, high = 86, 44, 40, 56
    for lane in range(LANES):
        y = top + lane * high
        picture.text(8, y + 5, f"log-{lane}", "left code")
        picture.line((60, y), (462, y), kind="way", tip=False)
    places = {
        position: (left + (position - 1) * step, top + position % LANES * high)
        for position in range(1, 10)
    }
    for position, (x, y) in places.items():
        if position > 1:
            x0, y0 = places[position - 1]
            down = 1 if y > y0 else -1
            picture.line((x0 + 4, y0 + 15 * down), (x - 4, y - 17 * down))
    for position, (x, y) in places.items():
        picture.box(x - 15, y - 14, 30, 28, "new" if position == 9 else "")
        picture.text(x, y + 5, str(position))
    picture.text(8, 256, "one box: one message, one commit, one position", "left small")
    picture.text(8, 274, "an arrow: the next message has the hash of this one", "left small")
    return picture


def checkpoint() -> Picture:
    """What who connects reads: a checkpoint, and the tail."""
    picture = Picture(
        470,
        230,
        "Twelve commits in a row. A checkpoint holds the whole state at commit 8. Whoever connects "
        "reads the checkpoint and the commits 9 to 12. Whoever has a cache up to 11 reads 12.",
    )
    left, step, y = 24, 36, 96
    for position in range(1, 13):
        x = left + (position - 1) * step
        kind = "faint" if position <= 8 else "new"
        picture.box(x - 13, y, 27, 27, kind)
        picture.text(x + 0.5, y + 19, str(position))
    end = left + 7 * step + 14
    picture.box(11, 24, end - 11, 36, "whole")
    picture.text((11 + end) / 2, 47, "checkpoint: all there is at 8")
    picture.line((end - 14, y - 2), (end - 14, 62), kind="line")
    picture.text(left + 9.5 * step + 8, 47, "the tail")
    picture.line((11, 152), (458, 152))
    picture.text(235, 170, "who connects reads the checkpoint, then 9 to 12", "small")
    picture.line((left + 11 * step - 13, 196), (458, 196))
    picture.text(left + 11 * step - 24, 200, "who has a cache up to 11 reads", "small end")
    return picture


def conflict() -> Picture:
    """Two writers who send the same position."""
    picture = Picture(
        470,
        440,
        "Two writers have both applied commit 7 and both send a commit 8, with the same nonce. "
        "Discord creates the message of writer A. Writer B gets that message back in the place of "
        "its own, applies it, checks its own change again on the new state, and sends it as 9, or "
        "raises ConflictError.",
    )
    a, discord, b = 62, 235, 408
    for x, name in ((a, "writer A"), (discord, "Discord"), (b, "writer B")):
        picture.box(x - 54, 10, 108, 30, "whole" if x == discord else "")
        picture.text(x, 30, name)
    for x, *spans in (
        (a, (40, 48), (72, 216), (240, 430)),
        (discord, (40, 430)),
        (b, (40, 48), (72, 224), (284, 326), (352, 368)),
    ):
        for begin, end in spans:
            picture.line((x, begin), (x, end), kind="way", tip=False)
    said = "small"
    picture.text(a, 64, "has applied 7", said)
    picture.text(b, 64, "has applied 7", said)
    picture.line((a + 4, 96), (discord - 6, 96))
    picture.text((a + discord) / 2, 88, "8, nonce of 8", said)
    picture.box(discord - 44, 104, 88, 26, "new")
    picture.text(discord, 122, "8, by A", said)
    picture.line((b - 4, 152), (discord + 6, 152))
    picture.text((b + discord) / 2, 144, "8, nonce of 8", said)
    picture.box(discord - 44, 160, 88, 26, "lost faint")
    picture.text(discord, 178, "not created", said)
    picture.line((discord - 4, 206), (a + 6, 206))
    picture.text((a + discord) / 2, 198, "created", said)
    picture.line((discord + 4, 214), (b - 6, 214))
    picture.text((b + discord) / 2, 206, "8, by A, instead", said)
    picture.text(a, 232, "save() returns", said)
    for line, words in enumerate(("applies A\u2019s 8,", "checks its own", "change again")):
        picture.text(b, 240 + 18 * line, words, said)
    picture.line((b - 4, 316), (discord + 6, 316))
    picture.text((b + discord) / 2, 308, "9, nonce of 9", said)
    picture.box(discord - 44, 324, 88, 26, "new")
    picture.text(discord, 342, "9, by B", said)
    picture.text(b, 342, "if it still holds", said)
    picture.text(b, 384, "or ConflictError,", said)
    picture.text(b, 402, "and nothing", said)
    picture.text(b, 420, "is written", said)
    return picture


PICTURES: dict[str, Callable[[], Picture]] = {
    "log": log,
    "checkpoint": checkpoint,
    "conflict": conflict,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), "utf-8")
