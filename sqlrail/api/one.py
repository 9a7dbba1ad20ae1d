"""The verbs for one database."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.api.told import allowed_by, relation_of, telling
from sqlrail.ground.address import Address
from sqlrail.ground.events import Listener, nobody
from sqlrail.ground.reading import given
from sqlrail.ground.settings import Settings
from sqlrail.ground.target import Target

if TYPE_CHECKING:
    from sqlrail.results.cleanup import CleanupResult
    from sqlrail.results.drift import DriftResult
    from sqlrail.results.migrate import MigrateResult
    from sqlrail.results.plan import PlanResult
    from sqlrail.results.rollback import RollbackResult
    from sqlrail.results.status import Phase, StatusResult
    from sqlrail.results.target import TargetResult


def migrate(
    url: Address,
    directory: str | os.PathLike[str],
    *,
    environment: str | None = None,
    to: str | None = None,
    allow_late: bool = False,
    allow_missing: bool = False,
    skip_backfills: bool = False,
    phase: Phase | None = None,
    interrupted: str | None = None,
    lock_wait: float = Settings.lock_wait,
    lock_timeout: float = Settings.lock_timeout,
    statement_timeout: float = Settings.statement_timeout,
    retry_for: float = Settings.retry_for,
    max_share: float = Settings.max_share,
    max_rows: int = Settings.max_rows,
    allow_triggers: Collection[str] = (),
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> MigrateResult:
    """Applies what is pending in a folder; does nothing, and writes nothing, where all of it is applied.

    Any number of processes and machines may call it at once: one of them applies a file, the others wait for it,
    `lock_wait` seconds at the most. The arguments are the command line's: durations are seconds, a share is between 0
    and 1, `environment` is APP_ENV. skip_backfills: files with one, and those that depend on one, are left to the verb
    `backfill`, and `left` has their ids. phase: "before" leaves the files that say `-- phase: after`, which `waiting`
    has, and "after" runs these alone. `say` is called with each line that the command line would say on stderr,
    such as whom it waits for; `listener` with the same and more as facts, an object of `events` each.

    Raises errors.SqlrailError, or one of its subclasses: Refused has changed nothing, Busy has waited for nothing, and
    `applied` has the ids of what this call committed before it.
    """
    from sqlrail.verbs import apply

    settings = given(
        url, directory, environment=environment, interrupted=interrupted, phase=phase,
        lock_wait=lock_wait, lock_timeout=lock_timeout, statement_timeout=statement_timeout, retry_for=retry_for,
        max_share=max_share, max_rows=max_rows, allow_triggers=allow_triggers,
    )  # fmt: skip
    allowed = allowed_by(late=allow_late, missing=allow_missing)
    settings = replace(settings, backfills="skip" if skip_backfills else "run")
    with telling(settings, say, listener) as told:
        return apply.migrate(*told, to=to, allowed=allowed).as_json()


def status(
    url: Address,
    directory: str | os.PathLike[str],
    *,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> StatusResult:
    """The state of every migration, and what is wrong with the history; changes nothing.

    Raises errors.SqlrailError, or one of its subclasses.
    """
    from sqlrail.verbs import apply

    with telling(given(url, directory), say, listener) as told:
        return apply.status(*told).as_json()


def plan(
    url: Address,
    directory: str | os.PathLike[str],
    *,
    to: str | None = None,
    counts: bool = True,
    tries: bool | None = None,
    queries: str | None = None,
    phase: Phase | None = None,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> PlanResult:
    """What migrate() would do, whom it would keep waiting, and on which live rows it would fail; changes nothing.

    counts: whether live rows are looked at; tries: whether files run over a copy of them (None: where they are few, and
    stay on their server). queries: a file of those of the running release, or pg_stat_statements; which of them each
    migration breaks is said. phase: as in migrate(). Raises errors.SqlrailError, or one of its subclasses.
    """
    from sqlrail.foresight.trial import Consent
    from sqlrail.verbs import plan as verb

    consent = Consent(tries if counts else False)
    with telling(given(url, directory, phase=phase), say, listener) as told:
        return verb.plan(*told, to=to, counts=counts, consent=consent, queries=queries).as_json()


def drift(
    url: Address,
    directory: str | os.PathLike[str],
    *,
    pending: bool = False,
    privileges: bool = False,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> DriftResult:
    """How the database differs from what its applied files build, or with pending all files; changes nothing.

    Raises errors.SqlrailError, or one of its subclasses.
    """
    from sqlrail.schema.sides import Choice
    from sqlrail.verbs import drift as verb

    with telling(given(url, directory), say, listener) as told:
        return verb.drift(*told, Choice(privileges=privileges), pending=pending).as_json(with_drops=False)


def cleanup(
    url: Address,
    directory: str | os.PathLike[str],
    relations: Collection[str] = (),
    *,
    every: bool = False,
    dry_run: bool = False,
    environment: str | None = None,
    max_share: float = Settings.max_share,
    max_rows: int = Settings.max_rows,
    allow_triggers: Collection[str] = (),
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> CleanupResult:
    """Archives orphans and deletes or mends them, of these relations or of all that are known, or of every key.

    Those that nobody has decided about are left as they are, with their `refusals`. dry_run: only looks. Raises
    errors.SqlrailError, or one of its subclasses: Refused has changed nothing.
    """
    from sqlrail.ground.kinds import parse_decided
    from sqlrail.verbs import cleanup as verb

    named = [relation_of(parse_decided, text) for text in relations]
    settings = given(
        url,
        directory,
        environment=environment,
        max_share=max_share,
        max_rows=max_rows,
        allow_triggers=allow_triggers,
    )
    with telling(settings, say, listener) as told:
        return verb.cleanup(*told, named, every=every, dry_run=dry_run).as_json()


def rollback(
    url: Address,
    directory: str | os.PathLike[str],
    *,
    steps: int = 1,
    to: str | None = None,
    yes: bool = False,
    stored: bool = False,
    dry_run: bool = False,
    environment: str | None = None,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> RollbackResult:
    """Takes back the newest files, or all that come after `to`. yes: in production, and where nobody says which, too.

    stored: what has no file here as well, by what was kept of its rollback; a listener gets each text as a TakingBack.
    dry_run: takes nothing back, and says what would be, and which live rows would be lost.
    Raises errors.SqlrailError, or one of its subclasses; `rolled_back` has the ids of what was committed before it.
    """
    from sqlrail.verbs import rollback as verb

    with telling(given(url, directory, environment=environment), say, listener) as told:
        return verb.rollback(*told, steps=steps, to=to, yes=yes, stored=stored, dry_run=dry_run).as_json()


def wait(
    url: Address,
    seconds: float,
    *,
    say: Callable[[str], object] = lambda _: None,
    listener: Listener = nobody,
) -> TargetResult:
    """Waits until the database answers, and says which it is; what waiting cannot mend, it does not wait for.

    Raises errors.ConnectionFailed, after so many seconds at the most.
    """
    from sqlrail.postgres.connect import connect

    reached = list[Target]()
    with telling(given(url, Settings.migrations, wait=seconds), say, listener) as (settings, talk):
        connect(replace(settings, reached=reached.append), listener=talk).close()
    return reached[0].as_json()
