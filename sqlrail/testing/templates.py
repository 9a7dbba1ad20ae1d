"""The templates of one run of tests: one for each folder of migrations, all on one server, to the end of the run."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from sqlrail.ground.reading import test_database_url
from sqlrail.testing import template
from sqlrail.testing.seen import Seen
from sqlrail.testing.server import HEAP, server
from sqlrail.testing.template import Template


class Templates(ExitStack):
    """A context at whose end no copy is left, and no server that nobody else needs."""

    def __init__(self, root: Path, url: str = "", ahead: int | None = None, seen: Seen | None = None) -> None:
        """The URL is the server's where SQLRAIL_TEST_DATABASE_URL names none; without one an embedded server runs.

        `ahead` are the copies of a template that are made before a test asks for them, None: the usual number. `seen`
        takes the queries that tests send.
        """
        super().__init__()
        self._root, self._url = root, test_database_url() or url
        heap = template.HEAP if self._url else HEAP
        self._way = template.Way(heap, template.AHEAD if ahead is None else ahead, seen=seen)
        self._made: dict[tuple[Path, bool], Template] = {}

    def of(self, folder: str | os.PathLike[str], resets: bool = False) -> Template:
        """The template of a folder, from the root of the tests; of copies that are reset, or made anew.

        Raises errors.SqlrailError, and OSError, where it cannot be made; see template().
        """
        path = self._root / folder
        if (path, resets) not in self._made:
            if not self._url:
                self._url = self.enter_context(server(self._root, is_counting=self._way.seen is not None))
            made = template.template(self._url, path, self._way._replace(resets=resets))
            self._made[path, resets] = self.enter_context(made)
        return self._made[path, resets]
