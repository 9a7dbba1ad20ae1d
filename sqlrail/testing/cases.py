"""A migrated database for each test of unittest, whatever runs it: unittest itself, pytest, Django's runner."""

from __future__ import annotations

import os
import unittest
from contextlib import ExitStack
from functools import cache, cached_property
from multiprocessing.util import Finalize
from pathlib import Path

from sqlrail.testing.templates import Templates


class WithDatabase(unittest.TestCase):
    """A test case, or what one inherits from beside another, with a database for each test.

    The server is the one that SQLRAIL_TEST_DATABASE_URL names, or an embedded one, to the end of the process.
    """

    #: the folder of the migrations, from the working folder
    sqlrail_migrations: str | os.PathLike[str] = "migrations"
    #: whether a database that a test has used is made as it was, for another
    sqlrail_reset: bool = False

    @cached_property
    def database_url(self) -> str:
        """The URL of a migrated database that only this test has, made when it is first asked for.

        Whoever is still connected when the test is over is cut off. Raises errors.SqlrailError, and OSError, where the
        database cannot be made.
        """
        mine = ExitStack()
        template = _templates(os.getpid()).of(self.sqlrail_migrations, self.sqlrail_reset)
        url = mine.enter_context(template.copy())
        self.addCleanup(self.__dict__.pop, "database_url")  # who runs the test again asks for another
        self.addCleanup(mine.close)
        return url


@cache
def _templates(process: int) -> Templates:
    """Those of a process: one that was forked has none of its parent's connections."""
    del process
    made = Templates(Path.cwd())
    # Unlike those of atexit it runs at the end of a process of multiprocessing, and never in a fork of its own process;
    # below 0: when those that this one has begun have ended.
    Finalize(None, made.close, exitpriority=-1)
    return made
