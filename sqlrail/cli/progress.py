"""How far something long is."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlrail.cli.talk import Talk, shown

if TYPE_CHECKING:
    from sqlrail.postgres.giving_way import Progress

#: seconds between two lines about progress where there is no terminal
PLAIN = 10.0


class Bar:
    """A bar on a terminal, elsewhere a line now and then, with --json nothing."""

    def __init__(self, talk: Talk, told: float = -PLAIN) -> None:
        self.talk, self.told = talk, told
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def close(self) -> None:
        """Takes it off the terminal."""
        if self.bar:
            with suppress(OSError):
                self.bar.stop()
        self.bar, self.tasks = None, {}

    def show(self, done: Progress | None) -> None:
        """Shows how far it is; None is its end."""
        if self.talk.as_json:
            return
        if done is None:
            self.close()
        elif sys.stderr.isatty():
            with suppress(OSError):
                self._draw(done)
        elif time.monotonic() - self.told >= PLAIN:
            self.told = time.monotonic()
            self.talk.say(f"{done.name}: {done.text}")

    def _draw(self, done: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        text = shown(done.text, self.talk.settings)
        if self.bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                # Whom it waits for comes last, and must not be cut off.
                TextColumn("{task.fields[text]}", markup=False, table_column=Column(overflow="fold")),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
            self.bar.start()
        if done.name not in self.tasks:
            self.tasks[done.name] = self.bar.add_task(done.name, text=text)
        self.bar.update(self.tasks[done.name], completed=done.done, total=done.total, text=text, refresh=True)
