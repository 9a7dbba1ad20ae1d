"""The JSON of `migrate`."""

from __future__ import annotations

from typing import TypedDict

from sqlrail.results.relation import CleanedResult


class FilledResult(TypedDict):
    """What a backfill has come to."""

    rows_walked: int  # in all passes
    rows_changed: int  # in all passes
    batches: int  # each a transaction of its own
    passes: int  # over the table
    wal_bytes: int  # that the server wrote while batches were at work, for whomever
    dead_rows: int  # of its table at its end, as the server counts them


class AppliedResult(TypedDict):
    """A migration that this run has committed."""

    id: str  # of the migration
    seconds: float  # wall time
    cleanup: list[CleanedResult]  # that it declares, in their order
    backfill: FilledResult | None  # null: it is none
    code: list[str]  # names of the code files that were in its way, and were made again with it


class AllowedResult(TypedDict):
    """Ids of what was let pass by --allow-late and --allow-missing."""

    late: list[str]  # that come before what is applied
    missing: list[str]  # whose file is gone


class MigrateResult(TypedDict):
    """What `migrate` or `backfill` did."""

    applied: list[AppliedResult]  # in their order
    already_applied: int  # migrations that were applied before
    pending: int  # migrations that are not applied yet: behind --to, drafts, left, or waiting
    #: ids of pending files that are a backfill or depend on one: migrate leaves them because of --skip-backfills,
    #: backfill because migrate has to apply another before, and both where a newer release does them
    left: list[str]
    #: ids of pending files that say `-- phase: after`, left by --phase before, or to a newer release
    waiting: list[str]
    taken_over: list[str]  # ids that plain yoyo had applied: today's content is taken for theirs
    allowed: AllowedResult
    #: ids of what a newer release has applied, or has half done outside a transaction, and this folder does not have
    ahead: list[str]
    code: list[str]  # names of the code files that this run has run, those that lean on others included
    post_apply: list[str]  # ids of the post-apply files that this run has run
    code_pending: int  # code files that wait until all migrations are applied
