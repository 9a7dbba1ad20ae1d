"""What foresight says: of what live rows must be like, and of what they would lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlrail.ground.names import join

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

    def is_like(self, other: Check) -> bool:
        """Whether it asks the same, if perhaps of another partition."""
        return (self.kind, self.columns) == (other.kind, other.columns)

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
    """What of the live database a statement would lose; because is what -- loses: says of it.

    Names are those of the live database: schema, table, and of a column its own. Rows are those that would go, or whose
    value would; None is unknown.
    """

    of: str
    names: tuple[str, ...]
    kind: str
    rows: int | None = None
    because: str | None = None

    @property
    def what(self) -> str:
        """What it is, with its names as SQL has them."""
        return f"{self.of} {join(*self.names)}"

    @property
    def remedy(self) -> str:
        """The line that says it is meant."""
        return f"-- loses: {join(*self.names)} because …"

    def as_json(self) -> LossResult:
        """The same for scripts."""
        return {"what": self.what, "kind": self.kind, "rows": self.rows, "because": self.because}
