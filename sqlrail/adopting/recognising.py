"""Which tool a folder is of: by what is in its files, and by the history in the database; never by its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlrail.adopting import dbmate, flyway, golang_migrate, goose, node_pg_migrate, others, prisma, sqlx
from sqlrail.adopting.others import PAGE
from sqlrail.adopting.tool import Folder, Source, Tool
from sqlrail.errors import BadFile, Refused, UsageError
from sqlrail.files.other_tools import USUAL

TOOLS: tuple[Tool, ...] = (
    dbmate.TOOL,
    golang_migrate.TOOL,
    goose.TOOL,
    sqlx.TOOL,
    flyway.TOOL,
    node_pg_migrate.TOOL,
    prisma.TOOL,
)


class History(NamedTuple):
    """A table that is a tool's history, with its schema."""

    tool: Tool
    schema: str

    @property
    def table(self) -> str:
        return f"{self.schema}.{self.tool.table}"


@dataclass(frozen=True)
class Look:
    """What the files of a folder say: tools that have a file nobody else has, each with it; and those that may be."""

    folder: Folder
    signed: tuple[tuple[Tool, Path], ...]
    possible: tuple[Tool, ...]

    @property
    def tools(self) -> Sequence[Tool]:
        return [tool for tool, _ in self.signed] or self.possible


def histories(tables: Collection[tuple[str, str, Collection[str]]]) -> list[History]:
    """Those of the tables that are a tool's history: each a schema, a name, and columns."""
    found = []
    for schema, name, columns in tables:
        fitting = [tool for tool in TOOLS if tool.table == name and tool.columns <= set(columns)]
        if fitting:  # golang-migrate's has what dbmate's has, and more
            found.append(History(max(fitting, key=lambda tool: len(tool.columns)), schema))
    return found


def look(path: Path, target: Path) -> Look:
    """What the files in a folder say. Refused for a mixture, for code, and for tools that have no files of SQL."""
    folder = Folder(path)
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}; name the one with the other tool's files.")
    signed = tuple((tool, sign) for tool in TOOLS if (sign := tool.sign(folder)))
    if len(signed) > 1:
        (one, first), (other, second), *_ = signed
        raise Refused(
            f"{path} is a mixture: {first} is a file of {one.name}, and {second} one of {other.name}. Give each tool a "
            "folder of its own, and adopt the one whose history the database has. Nothing was changed."
        )
    possible = tuple(tool for tool, _ in signed) or tuple(tool for tool in TOOLS if _may_be(tool, folder))
    for stranger, file in others.found_in(folder):
        raise _led(path, target, f"{file} is a migration of {stranger.name}")
    for tool in possible if signed else TOOLS:
        if code := next((it for it in folder.files("**/*") if re.fullmatch(tool.code, it.name)), None):
            raise _led(path, target, f"{code} is a migration of {tool.name} that is code, and no file of SQL")
    if not possible:
        names = ", ".join(tool.name for tool in TOOLS)
        raise UsageError(
            f"{path} has no migration of {names} ({PAGE} says how these are known). From any other tool:",
            *others.way(target),
        )
    return Look(folder, signed, possible)


def _may_be(tool: Tool, folder: Folder) -> bool:
    """Whether it may have files that say nothing of it, as these."""
    try:
        return not tool.is_signed and bool([*tool.sources(folder)])
    except BadFile:
        return False


def _led(path: Path, target: Path, what: str) -> Refused:
    return Refused(
        f"{path} cannot be converted: {what}. Take the schema as it is instead, and let what has run rest:",
        *others.way(_apart(path, target)),
        f"Then `drift` compares, and `migrate` runs what is new ({PAGE}). Nothing was changed.",
    )


def _apart(path: Path, target: Path) -> Path:
    """The folder of the settings; where that is the other tool's, one beside it, for its code is no file of ours."""
    theirs, ours = path.resolve(), target.resolve()
    return target.with_name(f"{target.name}_sql") if ours in (theirs, *theirs.parents) else target


def sources(tool: Tool, folder: Folder) -> list[Source]:
    """Its migrations there. Refused for a file that is none: it would be left behind unsaid."""
    found = [*tool.sources(folder)]
    known = {path for source in found for path in (source.path, source.down)}
    if left := next((path for path in folder.files(tool.files) if path not in known), None):
        raise Refused(
            f"{left} is no migration by {tool.name}'s rules, and would be left behind: move it out of "
            f"{folder.path}, or give it the name that it should have. Nothing was changed."
        )
    return found


def usual(here: Path) -> list[Path]:
    """The usual folders that are there, below a folder."""
    return [here / name for name in USUAL if (here / name).is_dir()]


def choose(found: Look, there: Sequence[History]) -> History:
    """The one history whose tool the files may be of; Refused where there is none, or more than one."""
    fitting = [history for history in there if history.tool in found.tools]
    if len(fitting) == 1:
        return fitting[0]
    path, names = found.folder.path, " or ".join(tool.name for tool in found.tools)
    if fitting:
        tables = ", ".join(f"{history.table} of {history.tool.name}" for history in fitting)
        raise Refused(
            f"the database has more than one history that {path} may be of: {tables}. Rename those that count no "
            "longer, or name their schema away in the search_path. Nothing was changed."
        )
    wanted = ", ".join(dict.fromkeys(tool.table for tool in found.tools))
    others_there = f" It has {', '.join(f'{it.table} of {it.tool.name}' for it in there)}." if there else ""
    raise Refused(
        f"{path} has files of {names}, and the database has no history of that ({wanted}, along the search_path, with "
        "the columns that the tool makes; a table that this role may read, and neither a view nor one with row-level "
        f"security).{others_there} One of another name is found once it has that: ALTER TABLE ... RENAME TO "
        f"{found.tools[0].table}. Else name a database on which the tool has run; a new one is built by `migrate`, "
        "from the folder that is made there. Nothing was changed."
    )
