"""The look before a cleanup, which counts orphans and changes nothing: one relation, or many in few messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg

from sqlrail.errors import UsageError
from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.ground.unique import Unique
from sqlrail.orphans import indexed, nodes, placed, sampled
from sqlrail.orphans.ask import about, ask_all_facts, ask_facts, default_refusals, judge
from sqlrail.orphans.cleaned import Cleaned, Seen, effects
from sqlrail.orphans.composer import Composer, looking
from sqlrail.orphans.duplicates import survey as duplicates
from sqlrail.orphans.facts import Facts
from sqlrail.orphans.guards import reason, weigh
from sqlrail.orphans.session import Session, message


def describe(session: Session, relation: Constraint, before: bytes = b"") -> Cleaned:
    """What the catalog says of a relation, and refuses; no row is looked at. What is given before is sent before."""
    if isinstance(relation, Unique):
        return duplicates.describe(session, relation, before)
    return _described(session, relation, ask_facts(session, relation, before))


def describe_all(session: Session, relations: Sequence[Constraint]) -> list[Cleaned]:
    """The same of many relations, in one message."""
    others = [one for one in relations if not isinstance(one, Unique)]
    facts = dict(zip(others, ask_all_facts(session, others), strict=True))
    return [
        _described(session, one, facts[one]) if one in facts else describe(session, one) for one in relations
    ]


def _described(session: Session, relation: Constraint, facts: Facts) -> Cleaned:
    if facts.absent:
        return Cleaned(relation, skipped=facts.absent, facts=facts)
    if facts.wrong:
        return Cleaned(relation, refusals=(facts.wrong,), facts=facts)
    if facts.holds:
        return Cleaned(relation, skipped=facts.holds, facts=facts)
    refusals = (*facts.refusals, *default_refusals(session, relation, facts))
    return Cleaned(relation, refusals=refusals, facts=facts, **effects(facts))


def preview(
    session: Session, relation: Constraint, *, closely: bool = True, placing: bool = False
) -> Cleaned:
    """What clean() would find and say, read-only and without its locks; `seen` only where it looks closely.

    A look that is not close can be for a cleanup that follows: it notes where the orphans of a big table are, or looks
    at a sample of one that lies on other nodes.
    """
    seen = describe(session, relation)
    return _placed(session, seen) if placing else _counted(session, seen, closely=closely)


def place(session: Session, relations: Sequence[Constraint]) -> list[Cleaned]:
    """Where the orphans of those are whose tables are big, though there be none, and others as the catalog has them."""
    seen = describe_all(session, relations)
    return [
        _counted(session, one, closely=False, placing=0) if placed.may_be(one.facts) else one for one in seen
    ]


def sift(session: Session, relations: Sequence[Constraint]) -> dict[Constraint, Cleaned]:
    """Those of many relations that no guard can refuse before it has seen their rows, see sift_relations.sql.

    Their facts are enough for a look that finds no orphan, and no more.
    """
    relations = [one for one in relations if isinstance(one, Relation)]
    text = about(session, "sift_relations", relations)
    plain = {relations[n]: facts for n, facts in session.ask(text)}
    return {one: _described(session, one, judge(session, one, facts)) for one, facts in plain.items()}


def previews(
    session: Session,
    relations: Sequence[Constraint],
    plain: Mapping[Constraint, Cleaned],
    *,
    closely: bool = True,
    placing: bool = False,
) -> list[Cleaned]:
    """The same of many relations, in few messages; psycopg.Error where one of them cannot be counted.

    All are sifted first, and only those that have orphans are looked at closely. Of those that are plain, as sift() has
    it, the catalog is asked no more before there are orphans, or the orphans of a big table may have to be placed.
    """
    if placing:
        plain = {relation: one for relation, one in plain.items() if not _may_be_big(one)}
    others = describe_all(session, [one for one in relations if one not in plain])
    known = {**plain, **{one.relation: one for one in others}}
    alone = {one for one in relations if placing and _may_be_big(known[one])}
    answers = _sifted(session, [known[one] for one in relations if one not in alone], closely=closely)
    found = [one for one, answer in answers.items() if one in plain and answer.has_orphans]
    known |= {one.relation: one for one in describe_all(session, found)}
    return [
        _placed(session, known[one])
        if one in alone
        else _previewed(session, known[one], answers.get(one), closely=closely)
        for one in relations
    ]


def _placed(session: Session, one: Cleaned) -> Cleaned:
    """A look that is not close: at a sample, or which notes where the orphans are, if the table is big."""
    if sampled.may_be(one):
        try:
            one = sampled.look(session, Composer(session, one.relation, one.facts), one)
        except psycopg.Error as exc:
            return _uncounted(one, exc)
    return one if one.is_sampled else _counted(session, one, closely=False, placing=1)


def _may_be_big(one: Cleaned) -> bool:
    """Whether a look for a cleanup that follows may be another one than a plain look."""
    return placed.may_be(one.facts) or sampled.may_be(one)


class _Answer(NamedTuple):
    """What a sift says of a relation."""

    has_orphans: bool
    row: tuple[Any, ...]


def _sifted(session: Session, seen: Sequence[Cleaned], *, closely: bool) -> dict[Constraint, _Answer]:
    name, orphans, none = (
        ("sift_orphans", 3, (0, 0, False, False, 0)) if closely else ("count_orphans", 1, (None, 0, False, 0))
    )
    # What lies on other nodes is looked at by itself, as what is no relation.
    countable = [
        one
        for one in seen
        if one.is_countable and isinstance(one.relation, Relation) and not one.facts.distributed
    ]
    due = [one for one in countable if not one.facts.is_empty]
    looks = [message(session, name, **looking(session, one.relation, one.facts)) for one in due]
    rows = session.ask(exactly(session, *looks)) if looks else []
    answers = dict(zip((one.relation for one in due), rows, strict=True))
    found = {one.relation: answers.get(one.relation, none) for one in countable}
    return {relation: _Answer(bool(row[orphans]), row) for relation, row in found.items()}


def _previewed(session: Session, one: Cleaned, answer: _Answer | None, *, closely: bool) -> Cleaned:
    if answer is None:  # and what is no relation is looked at by itself
        return _counted(session, one, closely=closely)
    if not closely:
        return _weighed(session, one, *answer.row)
    if answer.has_orphans:
        return _counted(session, one, closely=True)
    rows, null_keys, has_parents, _, mixed = answer.row
    return _weighed(session, one, rows, 0, has_parents, mixed, 0, null_keys, None, None, [])


def exactly(session: Session, *looks: bytes) -> bytes:
    """Looks at rows that see them all, or fail."""
    return b"".join((message(session, "archive_format"), *looks, message(session, "archive_format_off")))


def _counted(session: Session, one: Cleaned, *, closely: bool, placing: int | None = None) -> Cleaned:
    """placing: how many orphans there have to be, for their places to be noted."""
    if not one.is_countable:
        return one
    if isinstance(one.relation, Unique):
        return duplicates.counted(session, one, closely=closely)
    part = Composer(session, one.relation, one.facts)
    places = placing is not None and placed.may_be(one.facts)
    key = None
    try:
        if places:
            assert placing is not None
            key = indexed.key(session, part, one.relation)
            look = placed.look(part, placing, key)
        else:
            look = part(part.kind.preview if closely else part.kind.count(one.facts))
        answer = session.ask(exactly(session, look))[-1]
        if answer[0] is None and one.facts.distributed and _rows_matter(session, one.facts, answer[1]):
            ((rows,),) = session.ask(part("nodes_rows"))[-1:]
            one, answer = replace(one, facts=replace(one.facts, estimate=rows)), (rows, *answer[1:])
    except psycopg.Error as exc:
        return _uncounted(one, exc)
    if places:
        one, answer = replace(one, placed=placed.read(one.facts, answer[-1], key)), answer[:-1]
    return _weighed(session, one, *answer)


def _rows_matter(session: Session, facts: Facts, orphans: int) -> bool:
    """Whether so many orphans want to know of how many rows: for the guard, or for how they are handed over."""
    return orphans > session.settings.max_rows or (orphans >= nodes.PACKED and not facts.estimate)


def _uncounted(one: Cleaned, exc: psycopg.Error) -> Cleaned:
    # What is refused anyway need not be countable: a partition may be a foreign table.
    if one.refusals:
        return one
    try:
        return replace(one, refusals=(reason(exc, one.relation),))
    except UsageError as wrong:  # until a file has run that is still pending
        return replace(one, skipped=str(wrong))


def _weighed(
    session: Session, one: Cleaned, rows: int | None, orphans: int, has_parents: bool, mixed: int, *more: Any
) -> Cleaned:
    if not orphans and one.is_undecided:
        one = replace(one, refusals=())  # there is nothing to decide
    refusals = (*one.refusals, *weigh(session.settings, one.relation, orphans, rows, has_parents))
    seen = Seen(*[rows, *more, one.facts.timestamp if orphans else None]) if more else None
    return replace(one, orphans=orphans, mixed=mixed, seen=seen, refusals=refusals)
