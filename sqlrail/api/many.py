"""The verbs for many tenants: schemas of one database, or databases."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from sqlrail.api.told import allowed_by, hiding, relation_of
from sqlrail.errors import Refused, SettingsError
from sqlrail.ground.address import Address, is_address
from sqlrail.ground.events import Event
from sqlrail.ground.reading import checked, given
from sqlrail.ground.settings import Backfills, Settings

if TYPE_CHECKING:
    from sqlrail.results.status import Phase
    from sqlrail.results.tenants import TenantsResult
    from sqlrail.tenants.each import Answer, Turn
    from sqlrail.tenants.limits import Limits
    from sqlrail.tenants.round import TenantListener
    from sqlrail.verbs.many import Many


def each(
    url: Address | Collection[Address],
    directory: str | os.PathLike[str],
    *,
    schemas: str | Collection[str] | None = None,
    canaries: Collection[str] = (),
    waves: Collection[int] = (),
    parallel: int = 4,
    max_failed: int | None = None,
    environment: str | None = None,
    lock_wait: float = Settings.lock_wait,
    lock_timeout: float = Settings.lock_timeout,
    statement_timeout: float = Settings.statement_timeout,
    retry_for: float = Settings.retry_for,
    max_share: float = Settings.max_share,
    max_rows: int = Settings.max_rows,
    allow_triggers: Collection[str] = (),
    listener: Callable[[str, Event], object] = lambda _, __: None,
) -> Tenants:
    """Many tenants, whose methods are verbs: some of them have their turn at once, in threads of its own.

    With schemas, a query that names them or their names, these are schemas of the one database; without, `url` is a
    list of URLs, a database each. The other arguments are the command line's. `listener` is called in the calling
    thread, with the tenant's name and what happens there; what it raises ends the run behind the files in hand, and so
    does a KeyboardInterrupt. Nothing is connected to before a method is called.

    Raises errors.SettingsError.
    """
    from sqlrail.tenants.limits import Limits

    limits = Limits(tuple(canaries), tuple(waves), parallel, max_failed)
    more: dict[str, Any] = {
        "environment": environment, "lock_wait": lock_wait, "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout, "retry_for": retry_for, "max_share": max_share, "max_rows": max_rows,
        "allow_triggers": allow_triggers,
    }  # fmt: skip
    if schemas is not None and not is_address(url):
        raise SettingsError("the schemas are of one database: give its URL, and not several.")
    urls = [url] if is_address(url) else list(cast("Collection[Address]", url))
    return Tenants(tuple(given(one, directory, **more) for one in urls), schemas, limits, listener)


def migrate_each(
    url: Address | Collection[Address],
    directory: str | os.PathLike[str],
    *,
    to: str | None = None,
    **arguments: Any,
) -> TenantsResult:
    """each(url, directory, ...).migrate(to)."""
    return each(url, directory, **arguments).migrate(to)


@dataclass(frozen=True)
class Tenants:
    """Many tenants, as each() makes them.

    A method returns what became of each, whoever failed too: `totals` says how many did, and `result` of a tenant is
    what the verb's JSON is. It raises errors.SqlrailError, or one of its subclasses, where nothing could be begun.
    """

    _settings: tuple[Settings, ...]
    _schemas: str | Collection[str] | None
    _limits: Limits
    _listener: Callable[[str, Event], object]

    def migrate(
        self,
        to: str | None = None,
        *,
        allow_late: bool = False,
        allow_missing: bool = False,
        skip_backfills: bool = False,
        phase: Phase | None = None,
    ) -> TenantsResult:
        """Applies what is pending, up to one file or all of it; the arguments are those of the other migrate()."""
        allowed = allowed_by(late=allow_late, missing=allow_missing)
        return self._migrate("skip" if skip_backfills else "run", phase, to, allowed)

    def backfill(
        self, to: str | None = None, *, allow_missing: bool = False, phase: Phase | None = None
    ) -> TenantsResult:
        """Runs the backfills that migrate() was told to skip, and the files that depend on one."""
        # A late file is not run, so that it keeps nobody from what was left before it.
        return self._migrate("only", phase, to, allowed_by(late=True, missing=allow_missing))

    def _migrate(
        self, backfills: Backfills, phase: Phase | None, to: str | None, allowed: Collection[str]
    ) -> TenantsResult:
        from sqlrail.files.folder import Reading
        from sqlrail.verbs.apply import migrate
        from sqlrail.verbs.judge import Remembering

        asked: dict[str, Any] = {"to": to, "allowed": allowed}
        together: dict[str, Any] = {"read": Reading(), "judge": Remembering()}
        return self._of(phase, backfills=backfills)._go(
            lambda its, told: _done(migrate(its, told, **asked, **together).as_json()),
            lambda many: lambda its, told: _done(many.migrate(its, told, **asked).as_json()),
            lambda many, name: many.over(name),
        )

    def status(self) -> TenantsResult:
        """The state of every migration; changes nothing."""
        from sqlrail.verbs.apply import status

        return self._go(
            lambda its, told: _done(status(its, told).as_json()),
            lambda many: lambda its, told: _done(many.status(its, told).as_json()),
        )

    def _of(self, phase: Phase | None, **more: Any) -> Tenants:
        """The same for one phase of a deployment."""
        more["phase"] = checked("phase", phase)
        return replace(self, _settings=tuple(replace(its, **more) for its in self._settings))

    def plan(
        self,
        to: str | None = None,
        *,
        counts: bool = True,
        tries: bool | None = None,
        phase: Phase | None = None,
    ) -> TenantsResult:
        """What migrate() would do, and in whose rows it would fail; changes nothing.

        counts: whether live rows are looked at; tries: whether files run over a copy of them (None: where they are
        few, and stay on their server). `like` is the name of the tenant in whose schema it was rehearsed.
        """
        from sqlrail.foresight.trial import Consent
        from sqlrail.verbs.plan import plan
        from sqlrail.verbs.plan_each import PlanOfMany

        asked: dict[str, Any] = {"to": to, "counts": counts, "consent": Consent(tries if counts else False)}

        def of_many(many: Many) -> Turn:
            plans = PlanOfMany(many, **asked)

            def turn(its: Settings, told: TenantListener) -> Answer:
                found = plans.plan(its, told)
                told.like = found.rehearsed_for if found.rehearsed_for != its.tenant else None
                return _done(found.plan.as_json())

            return turn

        chosen = self._of(phase)
        return chosen._go(lambda its, told: _done(plan(its, told, **asked).as_json()), of_many)

    def drift(self, *, pending: bool = False, privileges: bool = False) -> TenantsResult:
        """How each differs from what its applied files build, or all files; changes nothing."""
        from sqlrail.schema.sides import Choice
        from sqlrail.verbs.drift import drift
        from sqlrail.verbs.drift_each import DriftOfMany

        choice = Choice(privileges=privileges)

        def of_many(many: Many) -> Turn:
            drifts = DriftOfMany(many, choice, pending=pending)
            return lambda its, told: _done(drifts.drift(its, told).as_json(with_drops=False))

        return self._go(
            lambda its, told: _done(drift(its, told, choice, pending=pending).as_json(with_drops=False)),
            of_many,
        )

    def doctor(self, *, quick: bool = False) -> TenantsResult:
        """What is unhealthy; changes nothing. quick: counts no rows."""
        from sqlrail.verbs.doctor import doctor

        return self._go(lambda its, told: _done(doctor(its, told, quick=quick).as_json()))

    def cleanup(
        self, relations: Collection[str] = (), *, every: bool = False, dry_run: bool = False
    ) -> TenantsResult:
        """Archives orphans and deletes or mends them, of these relations or of all that are known, or of every key.

        Who has orphans that nobody decides about has the exit code 3.
        """
        from sqlrail.ground.kinds import parse_decided
        from sqlrail.verbs.cleanup import cleanup

        named = [relation_of(parse_decided, text) for text in relations]

        def turn(its: Settings, told: TenantListener) -> Answer:
            done = cleanup(its, told, named, every=every, dry_run=dry_run)
            return done.as_json(), Refused.exit_code if done.undecided and not dry_run else 0

        return self._go(turn)

    def rollback(
        self, *, steps: int = 1, to: str | None = None, yes: bool = False, stored: bool = False
    ) -> TenantsResult:
        """Takes back the newest files, or all that come after `to`.

        yes: in production too; stored: what has no file here as well, by what was kept of its rollback.
        """
        from sqlrail.verbs.rollback import rollback

        return self._go(
            lambda its, told: _done(rollback(its, told, steps=steps, to=to, yes=yes, stored=stored).as_json())
        )

    def baseline(self, to: str, *, accept_differences: bool = False) -> TenantsResult:
        """Records files up to one as applied, where the tenant has what they build."""
        from sqlrail.verbs.baseline import baseline
        from sqlrail.verbs.baseline_each import BaselineOfMany

        def of_many(many: Many) -> Turn:
            of = BaselineOfMany(many)
            return lambda its, told: _done(
                of.baseline(its, told, to, accept_differences=accept_differences).as_json()
            )

        return self._go(
            lambda its, told: _done(baseline(its, told, to, accept_differences=accept_differences).as_json()),
            of_many,
        )

    def repair(self, ids: Collection[str] = (), *, forget: Collection[str] = ()) -> TenantsResult:
        """Accepts today's files for the recorded ones: these, or all that were edited or renamed. Nobody is asked.

        forget: records whose file is gone for good, and what is half done and shall begin anew.
        """
        from sqlrail.verbs.repair import repair

        return self._go(lambda its, told: _done(repair(its, told, ids, forget, lambda _: True).as_json()))

    def restore(self, run: int, relation: str | None = None, *, force: bool = False) -> TenantsResult:
        """Puts the archived rows of a run back whose parent is there again; with force all that no key forbids.

        The run of one schema is refused for the others.
        """
        from sqlrail.ground.kinds import parse
        from sqlrail.verbs.restore import restore

        named = None if relation is None else relation_of(parse, relation)
        return self._go(lambda its, told: _done(restore(its, told, run, named, force=force).as_json()))

    def archive(self) -> TenantsResult:
        """The runs that have archived rows, and how many of these are left; changes nothing."""
        from sqlrail.verbs.archive import list_runs

        return self._go(lambda its, told: _done(list_runs(its, told).as_json()))

    def purge(self, older_than: float, *, yes: bool = False) -> TenantsResult:
        """Deletes for good the archived rows of runs older than so many seconds. yes: in production too."""
        from sqlrail.verbs.archive import purge

        return self._go(lambda its, told: _done(purge(its, told, older_than, lambda *_: yes).as_json()))

    def _go(
        self,
        turn: Turn,
        of_many: Callable[[Many], Turn] | None = None,
        over: Callable[[Many, str], object] = lambda *_: None,
    ) -> TenantsResult:
        """of_many, over: of schemas, what is read or built for many of them together, and what that says of one."""
        from sqlrail.tenants.each import of_databases, of_schemas

        if self._schemas is None:
            return of_databases(self._settings, self._limits, self._listener, turn)
        (settings,) = self._settings
        with hiding(settings):
            return of_schemas(
                settings, self._schemas, self._limits, self._listener, of_many or (lambda _: turn), over
            )


def _done(document: Mapping[str, object]) -> Answer:
    return document, 0
