"""What a restore has done, as the archive says it, and its end."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sqlrail.errors import DatabaseFailed
from sqlrail.ground.names import join
from sqlrail.orphans.restoring.restored import Left, Restore, Restored
from sqlrail.orphans.restoring.shape import Shape
from sqlrail.orphans.session import Session, message

#: keys that are shown of the rows that stay for one reason
SAMPLES = 5


class Report:
    """Takes what is back out of the archive, and tells what stays."""

    def __init__(self, session: Session, run: int, shapes: list[Shape], notes: list[str]) -> None:
        self.session, self.run, self.shapes, self.notes = session, run, shapes, notes

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What a message of ours returns."""
        return self.session.ask(message(self.session, name, **parts))

    def finish(self) -> Restore:
        """DatabaseFailed where somebody has taken some of the rows meanwhile."""
        reasons: dict[str, list[Left]] = {shape.relation: [] for shape in self.shapes}
        counts = dict.fromkeys(reasons, 0)
        for shape in self.shapes:
            shown = [
                *(shape.facts.primary if shape.facts else ()),
                *(column for key in shape.keys for column in key["columns"]),
            ]
            columns = list(dict.fromkeys(shown)) or shape.columns[:1]
            for is_back, action, why, rows, samples in self.ask(
                "restore_report", shape=shape.number, columns=columns, samples=SAMPLES
            ):
                if is_back:
                    counts[shape.relation] += rows
                else:
                    found = tuple(sample for sample in samples or () if sample)
                    reasons[shape.relation].append(Left(shape.source, action, why, rows, found))
            self._look_at_sequences(shape)
        ((run, gone, restored),) = self.ask("restore_finish", actor=self.session.settings.actor, run=self.run)
        if gone != restored:
            raise DatabaseFailed(
                f"the restore of run {self.run} failed: somebody else has taken rows of it out of the archive "
                "meanwhile. Nothing was changed; run again."
            )
        relations = [
            Restored(relation, counts[relation], sum(left.rows for left in lefts), tuple(lefts))
            for relation, lefts in reasons.items()
        ]
        return Restore(run, self.run, tuple(relations), tuple(dict.fromkeys(self.notes)))

    def _look_at_sequences(self, shape: Shape) -> None:
        if shape.facts is None or shape.stuck or shape.is_update:
            return
        for each in shape.facts.sequences:
            for highest, last in shape.ask(
                self.session,
                "restore_sequence",
                column=sql.Identifier(each["column"]),
                sequence=sql.SQL(each["name"]),
            ):
                self.notes.append(
                    f"{shape.source}.{join(each['column'])} goes up to {highest} again, and its sequence "
                    f"{each['name']} stands at {last}: SELECT setval({_quote(each['name'])}, {highest})"
                )


def _quote(text: str) -> str:
    return sql.Literal(text).as_string()
