"""What is wrong with a history."""

from __future__ import annotations

from typing import Literal, TypedDict

ProblemKind = Literal[
    "ahead", "begun", "depends", "draft", "duplicate", "edited", "elsewhere", "folder", "foreign", "form", "late",
    "left", "missing", "order", "other-history", "pattern", "renamed", "rollback", "unread",
]  # fmt: skip


class ProblemResult(TypedDict):
    """One thing that is wrong with the history."""

    kind: ProblemKind  # of problem, for scripts
    id: str  # of a migration; of a file that is none its path, of another tool's history its table
    message: str  # for people
    #: whether `migrate` refuses for it; what does not concerns what is applied, or goes on by itself
    refuses: bool
