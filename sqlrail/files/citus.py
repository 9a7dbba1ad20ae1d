"""What the text of a statement says of Citus: which of its functions put a table's rows elsewhere."""

from __future__ import annotations

import re

from sqlrail.files.keys import squeezed

#: functions that give a table with its rows another place; a new table takes the old one's
MOVING = (
    "alter_distributed_table", "alter_table_set_access_method", "citus_schema_distribute", "citus_schema_undistribute",
    "create_distributed_table", "create_distributed_table_concurrently", "create_reference_table", "undistribute_table",
)  # fmt: skip
_CALL = re.compile(rf"(?i)SELECT (?:pg_catalog \. )?(?:{'|'.join(MOVING)}) \([^()]*\)")


def moves_rows(statement: str) -> bool:
    """Whether it is a call that gives a table another place, and nothing else of it is asked."""
    return bool(_CALL.fullmatch(squeezed(statement).removesuffix(" ;")))
