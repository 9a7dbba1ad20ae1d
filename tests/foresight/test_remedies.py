"""The way out that plan names: pasted into the file it lets live rows pass, and the file be applied."""

from __future__ import annotations

import pytest
from console import sqlrail
from test_rows import Foreseen, foreseen

__all__ = ["foreseen", "sqlrail"]  # the fixtures

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE parts (id int, k int, u int, e text) PARTITION BY RANGE (k);
CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE rest PARTITION OF parts DEFAULT PARTITION BY LIST (k);
CREATE TABLE "The Rest" PARTITION OF rest DEFAULT;
CREATE TABLE base (id int PRIMARY KEY, e text);
CREATE TABLE sub () INHERITS (base);
"""
ROWS = """
INSERT INTO users VALUES (1);
INSERT INTO parts VALUES (1, 1, 1, 'x'), (2, 2, 9, NULL), (3, 11, 1, 'x'), (4, 12, NULL, NULL);
INSERT INTO base VALUES (1, 'x'), (2, NULL);
INSERT INTO sub VALUES (3, 'y'), (4, NULL);
"""


@pytest.mark.promise
@pytest.mark.parametrize(
    ("statement", "remedies"),
    [
        ("ALTER TABLE parts ADD CONSTRAINT c CHECK (k < 12)", {"-- cleanup: parts check c delete"}),
        ("ALTER TABLE low ADD CONSTRAINT c CHECK (k < 2)", {"-- cleanup: low check c delete"}),
        ("ALTER TABLE parts ALTER e SET NOT NULL", {"-- cleanup: parts.e not null delete"}),
        ("ALTER TABLE low ALTER e SET NOT NULL", {"-- cleanup: low.e not null delete"}),
        (
            "ALTER TABLE parts ADD FOREIGN KEY (u) REFERENCES users ON DELETE CASCADE",
            {"-- cleanup: parts.u -> users.id"},
        ),
        (
            "ALTER TABLE base ALTER e SET NOT NULL",
            {"-- cleanup: base.e not null delete", "-- cleanup: sub.e not null delete"},
        ),
    ],
)
def test_what_is_pasted_mends(foreseen: Foreseen, statement: str, remedies: set[str]) -> None:
    foreseen.begin(SCHEMA, ROWS)
    failing = [check for check in foreseen.checks(**{"002_x": statement}) if check["verdict"] == "fails"]
    assert {check["remedy"] for check in failing} == remedies
    lines = "\n".join([*sorted(remedies), statement])
    assert {check["verdict"] for check in foreseen.checks(**{"002_x": lines})} == {"passes"}
    foreseen.call("migrate")
