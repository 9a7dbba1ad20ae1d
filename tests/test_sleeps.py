"""Tests wait for facts, by `waiting.wait_for`: a sleep is too short on a slow machine, and too long on all others."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
#: a call, in a program in a string too, and an import that would hide one
SLEEPS = re.compile(r"\b(?:time|asyncio)\.sleep\(|\bfrom (?:time|asyncio) import .*\bsleep\b")
REASON = re.compile(r"# sleep: \w")


def without_reason(text: str) -> list[str]:
    """The lines that sleep and do not say why nothing can be waited for."""
    return [line for line in text.splitlines() if SLEEPS.search(line) and not REASON.search(line)]


def test_a_sleep_has_a_reason() -> None:
    texts = {path: path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__)}
    found = {path: lines for path, text in texts.items() if (lines := without_reason(text))}
    assert found == {}, "wait for a fact, or say behind the sleep why not: `# sleep: …`"


def test_a_sleep_is_found() -> None:
    sleeps = ["time.sleep(1)", "    await asyncio.sleep(n)", "from time import monotonic, sleep"]
    others = ["time.sleep(1)  # sleep: the load", "SELECT pg_sleep(1)", "from time import monotonic"]
    assert without_reason("\n".join(sleeps + others)) == sleeps
