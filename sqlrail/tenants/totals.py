"""What became of all tenants together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlrail.errors import Refused, UsageError
from sqlrail.tenants.tenant import Done as DoneFor
from sqlrail.tenants.tenant import Outcome

if TYPE_CHECKING:
    from sqlrail.results.tenants import TenantResult, TenantsResult, TotalsResult

#: exit codes of what is as good as it can be, was refused, found something with --check, or cannot be started
DONE, REFUSED, FOUND, WRONG = 0, Refused.exit_code, 4, UsageError.exit_code


@dataclass(frozen=True)
class Rounded:
    """All outcomes of a round, who did not have a turn, and why not."""

    outcomes: tuple[Outcome, ...]
    left: tuple[str, ...] = ()  # names
    held: str = ""
    signal: int | None = None  # that ended it
    shared: DoneFor | None = None  # what was done in the database itself, for all of them
    is_cut: bool = False  # by a second one: threads may still be at work

    @property
    def exit_code(self) -> int:
        """That of a signal, if one ended it; 2, if none could start; 1, if any failed; 3, if any was refused; 4, if a
        --check found something."""
        if self.signal is not None:
            return 128 + self.signal
        codes = {outcome.exit_code for outcome in self.outcomes}
        codes |= {self.shared.code} if self.shared else set()
        if codes - {DONE, REFUSED, FOUND}:
            return WRONG if codes == {WRONG} else 1
        return next((code for code in (REFUSED, FOUND) if code in codes), DONE)

    @property
    def versions(self) -> dict[str, list[str]]:
        """Names by the newest migration that is applied, the newest first."""
        found: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            if outcome.version:
                found.setdefault(outcome.version, []).append(outcome.tenant.name)
        return dict(sorted(found.items(), key=lambda item: item[0], reverse=True))

    def as_json(self) -> TenantsResult:
        """The same for scripts."""
        return {
            "tenants": [_as_json(outcome) for outcome in self.outcomes],
            "shared": dict(self.shared.document) if self.shared else None,
            "not_begun": list(self.left),
            "held": self.held or None,
            "versions": self.versions,
            "totals": self.totals(),
        }

    def totals(self) -> TotalsResult:
        """How many there are of each kind."""
        codes = [outcome.exit_code for outcome in self.outcomes]
        done, refused, found = (codes.count(code) for code in (DONE, REFUSED, FOUND))
        return {
            "all": len(codes) + len(self.left),
            "done": done,
            "failed": len(codes) - done - refused - found,
            "refused": refused,
            "with_findings": found,
            "without_turn": len(self.left),
        }


def in_order(outcomes: Sequence[Outcome], names: Sequence[str]) -> tuple[Outcome, ...]:
    """The outcomes in the order of the names; whoever has none of them comes last."""
    places = {name: number for number, name in enumerate(names)}
    return tuple(sorted(outcomes, key=lambda outcome: places.get(outcome.tenant.name, len(places))))


def _as_json(outcome: Outcome) -> TenantResult:
    told: dict[str, Any] = {
        "name": outcome.tenant.name, "exit_code": outcome.exit_code, "seconds": outcome.seconds
    }  # fmt: skip
    if outcome.error:
        told["error"] = outcome.error.as_json(str(outcome.error))["error"]
    elif outcome.done:
        told["result"] = dict(outcome.done.document)
    if outcome.like:
        told["like"] = outcome.like
    if outcome.target:
        told["target"] = outcome.target.as_json()
    return cast("TenantResult", told)
