"""Tables as wide as the terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

#: characters of a table where no terminal says how wide it is: never cut an id off
WIDE = 200


def table(heads: tuple[str, ...], cells: Sequence[tuple[str, ...]], width: int | None) -> list[str]:
    """The lines of a table; the width is the terminal's in characters, None where there is none."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    out = io.StringIO()
    # A name is no markup: [b] in one is to be seen. FORCE_COLOR would put bold headings into a file.
    Console(
        file=out,
        width=width or WIDE,
        no_color=True,
        force_terminal=False,
        markup=False,
        emoji=False,
        highlight=False,
    ).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]
