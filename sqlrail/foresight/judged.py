"""What foresight says: of what live rows must be like, and of what they would lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlrail.results.plan import CheckKind, CheckResult, CheckVerdict, LossResult


@dataclass(frozen=True)
class Check:
    """What the rows of a live table must be like for a statement to pass, and whether they are.

    Rows violate it; of a unique key they are those that would have to go; None is unknown. Keys are primary keys of up
    to five of them, as text. No other value of a row is ever here.
    """

    kind: CheckKind
    relation: str
    verdict: CheckVerdict
    columns: tuple[str, ...] = ()
    name: str | None = None
    rows: int | None = None
    keys: tuple[dict[str, str], ...] = ()
    says: str | None = None
    remedy: str | None = None
    unless: str | None = None
    why: str | None = None
    tried: bool = False

    def as_json(self) -> CheckResult:
        """The same for scripts."""
        return {
            "kind": self.kind,
            "name": self.name,
            "relation": self.relation,
            "columns": list(self.columns),
            "verdict": self.verdict,
            "rows": self.rows,
            "keys": [dict(key) for key in self.keys],
            "says": self.says,
            "remedy": self.remedy,
            "unless": self.unless,
            "why": self.why,
            "tried": self.tried,
        }


@dataclass(frozen=True)
class Loss:
    """What of the live database a statement would lose; because is what -- loses: says of it."""

    what: str
    kind: str
    rows: int | None = None
    because: str | None = None

    def as_json(self) -> LossResult:
        """The same for scripts."""
        return {"what": self.what, "kind": self.kind, "rows": self.rows, "because": self.because}
