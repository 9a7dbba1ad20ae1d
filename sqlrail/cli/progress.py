"""How far something long is."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

from sqlrail.cli.talk import OF_A_BAR, Talk, shown
from sqlrail.ground.events import BatchCleaned, BatchFilled, Event, Progress, ProgressEnded
from sqlrail.ground.sentences import progress, text

#: seconds between two lines about progress where there is no terminal
PLAIN = 10.0


class Bar:
    """A listener with a bar on a terminal, elsewhere a line now and then, with --json nothing; the rest is talk's."""

    def __init__(self, talk: Talk, told: float = -PLAIN, *, names_files: bool = False) -> None:
        self.talk, self.told, self.names_files = talk, told, names_files
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def close(self) -> None:
        """Takes it off the terminal."""
        if self.bar:
            with suppress(OSError):
                self.bar.stop()
        self.bar, self.tasks = None, {}

    def __call__(self, event: Event) -> None:
        if not isinstance(event, OF_A_BAR):
            self.talk(event)
        elif self.talk.as_json:
            return
        elif isinstance(event, (Progress, BatchCleaned, BatchFilled)):
            self._show(event)
        elif isinstance(event, ProgressEnded):
            self.close()
        elif self.names_files:
            self.talk.say(text(event))

    def _show(self, event: Progress | BatchCleaned | BatchFilled) -> None:
        if sys.stderr.isatty():
            with suppress(OSError):
                self._draw(progress(event))
        elif time.monotonic() - self.told >= PLAIN:
            self.told = time.monotonic()
            self.talk.say(text(event))

    def _draw(self, done: Progress) -> None:
        from rich import progress as rich
        from rich.console import Console
        from rich.table import Column

        words = shown(done.text, self.talk.settings)
        if self.bar is None:
            columns = (
                rich.TextColumn("{task.description}", markup=False),
                rich.BarColumn(),
                # Whom it waits for comes last, and must not be cut off.
                rich.TextColumn("{task.fields[text]}", markup=False, table_column=Column(overflow="fold")),
            )
            self.bar = rich.Progress(*columns, console=Console(stderr=True), auto_refresh=False)
            self.bar.start()
        if done.name not in self.tasks:
            self.tasks[done.name] = self.bar.add_task(done.name, text=words)
        self.bar.update(
            self.tasks[done.name], completed=done.done, total=done.total, text=words, refresh=True
        )
