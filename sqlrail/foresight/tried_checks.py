"""What a trial says of the checks of a statement: what was counted gives way to what was tried."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlrail.foresight.attempt import Fault, Tried
from sqlrail.foresight.judged import Check
from sqlrail.ground.names import join

if TYPE_CHECKING:
    from sqlrail.results.plan import CheckKind

_KINDS: dict[str, CheckKind] = {
    "23502": "not null", "23514": "check", "23505": "unique", "23P01": "exclusion", "23503": "foreign key",
    "42804": "type", "42846": "type",
}  # fmt: skip

#: of checks that a failure may be of, which it is rather
_ORDER = ("fails", "fails unless", "unknown", "passes")


def with_trial(checks: tuple[Check, ...], tried: Tried, relation: str) -> tuple[Check, ...]:
    """The checks of a statement as they turned out.

    relation: the live table that it works on, for a failure that names none.
    """
    if tried.outcome == "unknown":
        return checks
    if tried.outcome == "passes":
        return tuple(_passed(check) for check in checks)
    kind = _kind(tried.fault)
    named = _table(tried.fault, relation)
    alike = [check for check in checks if _is_of(check, kind, tried.fault)]
    if not alike and tried.fault:
        alike = [check for check in checks if _may_fail_so(check, kind, tried.fault)]
    if not alike:
        return (*checks, _new(kind, tried, named))
    # A copy may have a row in another partition, where a hash decides: in one whose index has another name.
    alike += [check for check in checks if check.verdict == "fails" and any(map(check.is_like, alike))]
    failed = min(alike, key=lambda check: (_ORDER.index(check.verdict), check.relation != named))
    return tuple(_failed(check, tried, named) if check is failed else check for check in checks)


def _failed(check: Check, tried: Tried, named: str) -> Check:
    is_counted = check.verdict == "fails"
    return replace(
        check,
        verdict="fails",
        rows=check.rows if is_counted else None,
        says=tried.says if not is_counted or check.relation == named else check.says or tried.says,
        unless=None,
        why=None,
        tried=True,
    )


def _passed(check: Check) -> Check:
    return replace(
        check, verdict="passes", rows=0, keys=(), says=None, remedy=None, unless=None, why=None, tried=True
    )


def _kind(fault: Fault | None) -> CheckKind:
    state = fault.sqlstate if fault else ""
    if state == "23514" and fault and fault.constraint is None:
        # An ALTER DOMAIN names the column whose values are in the way, and no constraint.
        return "domain" if fault.column else "partition"
    if fault and fault.is_of_domain:
        return "domain"
    return "type" if state.startswith("22") else _KINDS.get(state, "other")


def _is_of(check: Check, kind: CheckKind, fault: Fault | None) -> bool:
    """Whether a failure is that of a check: of its kind, and of its name or column where both have one."""
    if check.kind != kind:
        return False
    if fault and fault.constraint and check.name:
        return fault.constraint == check.name
    return not (fault and fault.column and check.columns) or fault.column in check.columns


def _table(fault: Fault | None, relation: str) -> str:
    return join(fault.schema, fault.table) if fault and fault.schema and fault.table else relation


def _may_fail_so(check: Check, kind: CheckKind, fault: Fault) -> bool:
    """Whether a failure that is rather of another kind may be that of a check."""
    if kind == "type":  # an expression that cannot be computed for a row, wherever that is asked for
        return check.verdict != "passes"
    if kind in ("exclusion", "partition"):  # WITHOUT OVERLAPS, which refuses empty ranges as well
        return check.kind == "unique" and check.verdict != "passes"
    # ALTER DOMAIN … SET NOT NULL fails as a column's own does.
    return check.kind == "domain" and fault.column in check.columns


def _new(kind: CheckKind, tried: Tried, relation: str) -> Check:
    fault = tried.fault or Fault("")
    columns = (fault.column,) if fault.column else ()
    return Check(kind, relation, "fails", columns, fault.constraint, says=tried.says, tried=True)
