"""The verb plan for many schemas of one database: rehearsed once for all who are alike, counted in the rows of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock, RLock
from typing import NamedTuple

from sqlrail.errors import SqlrailError
from sqlrail.foresight.trial import NOT_TRIED, Consent
from sqlrail.ground.events import Listener
from sqlrail.ground.settings import Settings
from sqlrail.scratch.moved import moved
from sqlrail.verbs.judge import Remembering
from sqlrail.verbs.lint import Finding
from sqlrail.verbs.many import Many
from sqlrail.verbs.models import Models
from sqlrail.verbs.plan import Looked, findings_of, judged, look_at_live, tried_of
from sqlrail.verbs.planned import Plan, PlannedFile
from sqlrail.verbs.rehearsing import Rehearsed, Rehearsing


class PlanOf(NamedTuple):
    """A tenant's plan, and the name of the one for whom it was rehearsed: its own, or another's."""

    plan: Plan
    rehearsed_for: str
    #: of the first one in whose schema each file comes to the same
    shown: Plan
    shown_for: str


@dataclass(frozen=True)
class _Lead:
    """What was rehearsed for the first one of some who have run the same and have the same objects."""

    name: str
    done: Rehearsed
    findings: tuple[Finding, ...]
    plan: Plan


class PlanOfMany:
    """plan() for one after the other."""

    def __init__(
        self,
        many: Many,
        *,
        to: str | None = None,
        allowed: Collection[str] = (),
        consent: Consent,
        counts: bool = True,
        samples: bool = False,
    ) -> None:
        self._many, self._to, self._allowed, self._consent = many, to, allowed, consent
        self._counts, self._samples = counts, samples
        self._judge = Remembering(many.rehearsals)
        self._models = Models(many.settings, many.listener, many.names)
        self._leads: dict[object, _Lead | SqlrailError] = {}
        self._locks: dict[object, RLock] = {}
        self._shown: dict[object, tuple[Plan, str]] = {}
        self._lock = Lock()

    def plan(self, settings: Settings, listener: Listener) -> PlanOf:
        """Of the schema that the settings name."""
        tenant = str(settings.tenant)
        with self._many.at(settings, listener) as (live, migrations):
            asked = self._to, self._allowed
            looked = look_at_live(live, migrations, *asked, samples=self._samples, judge=self._judge)
            files = live.files
        if not looked.due and not looked.pending.code:
            nothing = looked.nothing(is_counted=self._counts)
            return PlanOf(nothing, tenant, nothing, tenant)
        rehearsing = looked.rehearsing(settings, listener, files)
        lead = self._lead(tenant, looked, rehearsing)
        if lead.name == tenant or not self._counts:
            return PlanOf(lead.plan, lead.name, lead.plan, lead.name)
        done = lead.done._replace(scene=moved(lead.done.scene, lead.name, tenant))
        own = judged(settings, looked, done, lead.findings, is_counted=True)
        shown = self._shown.setdefault((lead.name, _outcome(own)), (own, tenant))
        return PlanOf(own, lead.name, *shown)

    def _lead(self, tenant: str, looked: Looked, rehearsing: Rehearsing) -> _Lead:
        """That of all who are alike; who comes first makes it, the others wait."""
        code = tuple((it.name, it.checksum) for it in (*looked.code, *looked.pending.code))
        key = code, looked.records, tuple(looked.noted.items()), self._models.digest(tenant) or tenant
        with self._lock:
            lock = self._locks.setdefault(key, RLock())
        with lock:
            if key not in self._leads:
                try:
                    self._leads[key] = self._rehearsed(tenant, looked, rehearsing)
                except SqlrailError as exc:
                    self._leads[key] = exc
            lead = self._leads[key]
        if isinstance(lead, SqlrailError):
            raise lead
        return lead

    def _rehearsed(self, tenant: str, looked: Looked, rehearsing: Rehearsing) -> _Lead:
        done = rehearsing.run()
        findings = findings_of(looked, rehearsing.listener)
        tried = tried_of(rehearsing, done, looked, self._consent)
        plan = judged(rehearsing.settings, looked, done, findings, tried, is_counted=self._counts)
        if tried is NOT_TRIED or not self._counts:
            plain = plan
        else:
            plain = judged(rehearsing.settings, looked, done, findings, is_counted=True)
        self._shown[tenant, _outcome(plain)] = plan, tenant
        return _Lead(tenant, done, findings, plan)


def _outcome(plan: Plan) -> object:
    """What each file comes to, whatever the number of the rows."""
    return tuple(map(_comes_to, plan.files))


def _comes_to(file: PlannedFile) -> object:
    statements = tuple(
        (one.verdict, one.fails, tuple(check.verdict for check in one.checks), len(one.losses))
        for one in file.statements
    )
    return file.id, file.verdict, statements, tuple(bool(one.refusals) for one in file.cleanup)
