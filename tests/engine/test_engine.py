"""The parts of the engine: each keeps what its docstring promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from aftermath import Heard, write

from sqlrail.engine.backend import Backend
from sqlrail.ground.settings import Settings


@pytest.fixture
def backend(any_database: str, tmp_path: Path) -> Iterator[Backend]:
    folder = write(tmp_path / "files", **{"001_a": "CREATE TABLE a ();\n"})
    with Backend(Settings(database_url=any_database, migrations=folder), Heard()) as backend:
        yield backend


def test_what_was_asked_of_the_server_is_replaced_whole_and_never_changed(backend: Backend) -> None:
    before: Any = backend.server
    with pytest.raises(FrozenInstanceError):
        before.is_standby = True
    backend.look()
    assert backend.server is not before
    assert backend.server == before
    assert (before.version, before.is_pooled, before.is_standby) == (
        backend.connection.info.server_version,
        False,
        False,
    )
