"""Draw docs/demo.svg from what `payerwatch demo` prints: picture.py OUTPUT < the demo's output with colours."""

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 112
# As rich draws a terminal, but with the reader's own fonts: the picture fetches nothing.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<style>
.{unique_id}-matrix {{ font-family: monospace; white-space: pre; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main(target: Path) -> None:
    console = Console(record=True, width=WIDTH, force_terminal=True, file=io.StringIO())
    for line in sys.stdin.read().splitlines():
        console.print(Text.from_ansi(line))
    target.write_text(console.export_svg(title="payerwatch demo", code_format=FORMAT), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
