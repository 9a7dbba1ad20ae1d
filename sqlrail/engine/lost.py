"""What became of a COMMIT whose answer was lost with the connection."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlrail.engine.lock import POLL
from sqlrail.engine.news import News
from sqlrail.engine.operation import Operation
from sqlrail.engine.pipeline import Closing
from sqlrail.engine.recorded import Recorded
from sqlrail.engine.session import Session
from sqlrail.errors import ConnectionLost, ReadOnlyServer, SqlrailError
from sqlrail.ground.events import AnswerLost
from sqlrail.postgres import stopping

#: seconds in which a lost connection must come back, for asking what became of a COMMIT
RECONNECT = 15.0


class LostAnswer:
    """Finds out, from the server that answers next, whether a file was committed: it is never run again unseen."""

    def __init__(self, session: Session, recorded: Recorded, news: News, operation: Operation) -> None:
        self._session, self._recorded, self._news, self._operation = session, recorded, news, operation

    def look_for(self, closing: Closing, is_committed: Callable[[str], bool]) -> None:
        """Returns if it was committed; ConnectionLost says what else there is to know."""
        name = closing.file.id
        if not closing.marks:  # a post-apply file leaves nothing to look for
            self._session.raise_if_lost(f"{name} was being committed", certain=False)
        self._session.tell(AnswerLost(name))
        self._reconnect(name)
        if not self._session.store.place.has_records or not is_committed(closing.migration.hash):
            raise ConnectionLost(
                f"the connection was lost while {name} was being committed. The server that answers now has nothing of "
                f"it: it was not committed there.{self._gone()} Run again."
            )

    def _reconnect(self, name: str) -> None:
        """Connects again, to a server that can be written to, and looks."""
        deadline = time.monotonic() + RECONNECT
        while True:
            try:
                self._session.connect_again()
                self._recorded.look()
                self._session.raise_if_standby()  # one may be about to be promoted
                return
            except SqlrailError as exc:
                self._session.connection.close()
                if time.monotonic() > deadline:
                    raise _gave_up(name, exc) from exc
            stopping.sleep(POLL[1])

    def _gone(self) -> str:
        """What was committed and is gone, if anything, for a message; no longer counted as done then."""
        self._recorded.look()
        recorded = {record.id for record in self._recorded.records}
        gone = [done for done in self._news.done if not self._operation.stands(done, recorded)]
        if not gone:
            return ""
        self._news.take_back(gone)
        return (
            f" It does not have {', '.join(done.id for done in gone)} either, which had been committed: "
            "a replica that lagged behind has taken over, or somebody has rolled it back."
        )


def _gave_up(name: str, why: SqlrailError) -> ConnectionLost:
    gone, primary = "does not come back", ""
    if isinstance(why, ReadOnlyServer):
        gone, primary = "the server that answers now is a standby", ", against the primary server,"
    return ConnectionLost(
        f"the connection was lost while {name} was being committed, and {gone}. "
        f"Whether it was committed, `status` will say; running again{primary} is safe either way."
    )
