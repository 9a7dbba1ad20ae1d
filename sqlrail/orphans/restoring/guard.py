"""What refuses a restore: tables that are not what they were, triggers and rules."""

from __future__ import annotations

from typing import Any

from sqlrail.errors import Refused
from sqlrail.ground.names import join
from sqlrail.ground.values import listed
from sqlrail.ground.words import counted
from sqlrail.orphans.restoring.shape import Shape
from sqlrail.orphans.session import Session, message


class Guard:
    """Looks at what would be lost, and at what would happen besides."""

    def __init__(self, session: Session, run: int, shapes: list[Shape], *, force: bool) -> None:
        self.session, self.run, self.shapes, self.force = session, run, shapes, force
        self.notes: list[str] = []

    def ask(self, name: str, **parts: Any) -> list[tuple[Any, ...]]:
        """What a message of ours returns."""
        return self.session.ask(message(self.session, name, **parts))

    def check(self) -> None:
        """Refused if the tables are not what they were, unless forced; triggers and rules refuse in any case."""
        problems: dict[str, None] = {}
        for shape in self.shapes:
            if shape.facts is None:
                problems[f"{shape.stuck}; if it has another name now, {self._rename(shape)}"] = None
            elif shape.facts.needed:
                problems[f"{shape.stuck}; give it one, for the restore at least"] = None
            else:
                problems |= dict.fromkeys(self._lost(shape))
        if problems and not self.force:
            raise Refused(
                f"the restore of run {self.run} is refused: {'; '.join(problems)}. Or choose with --relation, or leave "
                "that behind with --force. Nothing was changed."
            )
        if effects := dict.fromkeys(effect for shape in self.shapes for effect in self._effects(shape)):
            raise Refused(
                f"the restore of run {self.run} is refused: {'; '.join(effects)}. Nothing was changed."
            )

    def _lost(self, shape: Shape) -> list[str]:
        """What would be lost of values whose column is gone; with force it becomes a note."""
        assert shape.facts is not None
        lost = self.ask("restore_lost", shape=shape.number, columns=shape.facts.lost)
        for column, rows in lost:
            self.notes.append(
                f"{shape.source} has no column {join(column)} to write to any more: its value in "
                f"{counted(rows, 'archived row')} is not put back"
            )
        return [
            f"{shape.source} has no column {join(column)} to write to any more, and "
            f"{counted(rows, 'archived row holds', 'archived rows hold')} a value of it; if it has another name now, "
            f"{self._rename(shape, column)}"
            for column, rows in lost
        ]

    def _rename(self, shape: Shape, column: str | None = None) -> str:
        name, parts = ("_renamed_table", {}) if column is None else ("_renamed_column", {"column": column})
        text = message(self.session, name, run=self.run, source=shape.source, **parts)
        return f"say so in the archive: {text.decode()}"

    def _effects(self, shape: Shape) -> list[str]:
        """What would happen besides: it is the operator's to allow."""
        if shape.facts is None:
            return []
        verb = "UPDATE" if shape.is_update else "INSERT"
        allowed = self.session.settings.allow_triggers
        firing = [each for each in shape.facts.triggers if each["name"] not in allowed]
        return [f"{shape.source} has the rule {join(rule)} for {verb}" for rule in shape.facts.rules] + [
            f"the trigger {join(each['name'])} on {each['table']} would fire on {verb}: see what it does, then allow "
            f"it by name (--allow-triggers {listed(each['name'])}), or disable it meanwhile"
            for each in firing
        ]
