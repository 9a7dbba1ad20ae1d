"""The JSON of `completion`."""

from __future__ import annotations

from typing import TypedDict


class CompletionResult(TypedDict):
    """What a shell reads to complete the command line."""

    shell: str  # bash, zsh or fish
    script: str  # its text
