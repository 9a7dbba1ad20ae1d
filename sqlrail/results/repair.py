"""The JSON of `repair`."""

from __future__ import annotations

from typing import Literal, TypedDict

Operation = Literal["apply", "post-apply", "rollback", "backfill"]
RepairKind = Literal["edited", "renamed", "forgotten", "begun"]


class NoteResult(TypedDict):
    """A migration that is half done outside a transaction."""

    id: str  # of the migration
    operation: Operation  # that was under way
    done: int  # statements; of a backfill, batches
    is_begun: bool  # whether the next statement was begun, and nobody knows whether it is done


class RepairResult(TypedDict):
    """What is accepted of a migration."""

    kind: RepairKind  # begun: its checkpoints are dropped; forgotten: its record is
    id: str  # of the migration
    was: str  # the record's id
    before: str | None  # the record's checksum; null: it had none
    after: str | None  # the file's checksum; null: the record or the checkpoints are forgotten
    applied_at: str | None  # ISO 8601 in UTC; null: nobody knows
    applied_by: str | None  # user on host
    note: NoteResult | None  # that is dropped


class RepairedResult(TypedDict):
    """What `repair` accepted."""

    repaired: list[RepairResult]
