"""What a migrate has done."""

from __future__ import annotations

from sqlrail.ground.words import counted
from sqlrail.verbs.apply import Migrated


def text(result: Migrated) -> str:
    """The last line of a migrate."""
    ahead = f", {len(result.ahead)} ahead" if result.ahead else ""
    code = f", {counted(len(result.code), 'code file')} run" if result.code else ""
    if result.code_pending:
        code = f", {counted(result.code_pending, 'code file')} waiting for all migrations"
    if not result.applied and not result.code and result.post_apply:
        run = counted(len(result.post_apply), "post-apply file")
        return f"done: 0 applied now, {result.already_applied} before, {run} run"
    if not result.applied and not result.code:
        return f"nothing to do: {result.already_applied} applied, {result.pending} pending{ahead}{code}"
    left = f", {result.pending} still pending" if result.pending else ""
    return f"done: {len(result.applied)} applied now, {result.already_applied} before{left}{ahead}{code}"
