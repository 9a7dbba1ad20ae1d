"""What every run of a file is given of the engine."""

from __future__ import annotations

from typing import NamedTuple

from sqlrail.engine.lock import RunnersLock
from sqlrail.engine.news import News
from sqlrail.engine.recorded import Recorded
from sqlrail.engine.session import Session


class Parts(NamedTuple):
    """The session, what the database says was run, the lock under which files are run, and what was committed."""

    session: Session
    recorded: Recorded
    lock: RunnersLock
    news: News
