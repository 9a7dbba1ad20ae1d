"""How much is tried of what is slow by design: what CI has the time for, unless the environment asks for more.

CONTRIBUTING says how all of it is tried.
"""

from __future__ import annotations

import os

from proxy import Sender


def sample(name: str, default: int) -> int:
    """A number that TEST_<name> may say."""
    return int(os.environ.get(f"TEST_{name}", default))


#: random cases that an oracle judges
EXAMPLES = sample("EXAMPLES", 24)
#: whoever wants more of them looks for what is new; the others for what has come back
IS_WIDE = "TEST_EXAMPLES" in os.environ
#: operations of the sessions that write beside a cleanup
OPERATIONS = sample("OPERATIONS", 3000)
#: runs that are killed
KILLS = sample("KILLS", 24)
#: the same three on a cluster of Citus, where each takes several times as long
CITUS_EXAMPLES = sample("EXAMPLES", 6)
CITUS_OPERATIONS = sample("OPERATIONS", 1500)
CITUS_KILLS = sample("KILLS", 10)
#: of the messages of either side each so-manieth is cut; the server's are many
CUTS: dict[Sender, int] = {"server": (_step := sample("CUT_STEP", 36)), "client": max(1, _step // 12)}
#: histories, all of whose older folders are started from, and processes or threads that do so at the same time
HISTORIES, STARTS = sample("HISTORIES", 4), sample("STARTS", 3)
