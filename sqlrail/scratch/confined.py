"""A file as a scratch database runs it: without what is about the whole server, or about what is missing there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple

from sqlrail.files.file import File
from sqlrail.files.statements import BLOCK
from sqlrail.scratch import extensions, roles

#: what belongs to the whole server, by the word that names it behind CREATE, ALTER, DROP and COMMENT ON
SHARED = ("DATABASE", "GROUP", "ROLE", "SUBSCRIPTION", "SYSTEM", "TABLESPACE", "USER")
_MAY_BE_SHARED = rb"(?i)\b(?:" + "|".join((*SHARED, "GRANT", "OWNED", "REVOKE")).encode() + rb")\b"
#: privileges on what a database has; those of roles, which have no ON, are the server's
_OWN_PRIVILEGES = rb"(?i)\bON\s+(?!(?:DATABASE|PARAMETER|TABLESPACE)\b)"


class Missing(NamedTuple):
    """What files name and a scratch database cannot have: roles of its server, extensions with their schemas."""

    roles: Collection[str] = ()
    extensions: Collection[str] = ()
    schemas: Collection[str] = ()

    def is_what(self, words: tuple[str, ...], text: bytes) -> bool:
        """Whether a statement is about some of that, and makes nothing else."""
        return bool(self.roles and roles.is_about(words, text, self.roles)) or bool(
            self.extensions and extensions.is_about(words, text, self.extensions, self.schemas)
        )


class Confined(NamedTuple):
    """A file as it is built, and the places of what is passed over because of a role."""

    file: File
    passed_over: tuple[str, ...] = ()


def confined(file: File, missing: Missing) -> Confined:
    """The file with blanks in place of each statement that is about the whole server, where it was run already.

    So with what is about roles and extensions that are missing, but for files of more than a block: what is that large
    are data.
    """
    if file.state[1] > BLOCK:
        return Confined(_without(file, _MAY_BE_SHARED, is_shared))
    content = file.content()
    if not (re.search(_MAY_BE_SHARED, content) or any(missing)):
        return Confined(file)
    text, is_left, passed_over = bytearray(content), False, list[str]()
    for piece in file.pieces(1):
        for statement in piece.statements:
            start, end = piece.offset + statement.start, piece.offset + statement.end
            its = piece.text[statement.start : statement.end]
            if is_shared(statement.words, its):
                text[start:end] = re.sub(rb"[^\n]", b" ", its)
            elif missing.is_what(statement.words, its):
                text[start:end] = roles.without(statement.words, its)
                passed_over.append(file.at(*piece.place(statement.start)))
            is_left = is_left or bool(text[start:end].strip())
        for _ in piece.data or ():
            pass
    # Behind all else, for places in it to stay as they are: a file has to hold a statement.
    own = replace(file, small=bytes(text) + (b"" if is_left else b"\nSELECT;"))
    return Confined(own, tuple(passed_over))


def without_subscriptions(file: File) -> File:
    """The file with blanks in place of each statement that makes, changes or drops a subscription.

    A database that is not the real one must not take what the publisher keeps for that, and could not be dropped.
    """
    return _without(file, rb"(?i)\bSUBSCRIPTION\b", is_about_subscriptions)


def _without(file: File, pattern: bytes, is_unwanted: Callable[[tuple[str, ...], bytes], bool]) -> File:
    """The file with blanks in place of some statements, which are looked for where the pattern is found."""
    places = [
        (piece.offset + start, piece.offset + end)
        for piece in file.pieces()
        if re.search(pattern, piece.text)
        for start, end, words, _ in piece.statements
        if is_unwanted(words, piece.text[start:end])
    ]
    return replace(file, blanks=(*file.blanks, *places)) if places else file


def is_about_subscriptions(words: tuple[str, ...], text: bytes) -> bool:
    """Whether a statement makes, changes or drops a subscription."""
    return "SUBSCRIPTION" in words[:3] and is_shared(words, text)


def is_shared(words: tuple[str, ...], text: bytes) -> bool:
    """Whether a statement is about what the whole server has: roles, databases and the like."""
    match words:
        case ("CREATE" | "ALTER" | "DROP", "USER", "MAPPING", *_):
            return False
        case ("CREATE" | "ALTER" | "DROP", what, *_) | ("COMMENT", "ON", what, *_):
            return what in SHARED
        case ("REASSIGN" | "DROP", "OWNED", *_):
            return True
        case ("GRANT" | "REVOKE", *_):
            return not re.search(_OWN_PRIVILEGES, text)
    return False
