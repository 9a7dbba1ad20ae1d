"""The command line: parse, call, print, choose the exit code; nothing else."""

from __future__ import annotations

import argparse
import gc
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

from sqlrail.cli import flags
from sqlrail.cli.parser import parse
from sqlrail.cli.signals import on_interrupt
from sqlrail.cli.talk import Talk, discard, print_result, shown
from sqlrail.cli.verb import Result, Verb
from sqlrail.errors import (
    Bug,
    ConnectionFailed,
    FileFailed,
    Interrupted,
    LocalServerFailed,
    SettingsError,
    SqlrailError,
)
from sqlrail.ground.events import Noted, Reached, Said, Warned
from sqlrail.ground.reading import read
from sqlrail.ground.settings import Settings

#: objects that are made before those are looked for that nothing holds: a run makes thousands that stay to its end
GARBAGE = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    gc.set_threshold(GARBAGE)
    given = list(sys.argv[1:] if arguments is None else arguments)
    talk = Talk("--json" in given)
    on_interrupt(_stop)
    try:
        options, verb = parse(given)
        with _naming_the_way_without(verb):
            code, document, text = _run(options, verb, talk)
        print_result(talk.with_target(document) if talk.as_json else text)
    except SqlrailError as exc:
        return _fail(exc, talk, "--verbose" in given)
    except BrokenPipeError:  # whoever read our output has gone away, as `head` does
        discard(sys.stdout)
        return 1
    except OSError as exc:
        discard(sys.stdout)
        unwritten = FileFailed(f"the result cannot be written: {exc.strerror}.")
        return _fail(unwritten, talk, "--verbose" in given)
    except Exception as exc:
        return _fail(Bug(exc), talk, "--verbose" in given)
    return code


def _stop(number: int) -> NoReturn:
    raise Interrupted(number)


@contextmanager
def _naming_the_way_without(verb: Verb) -> Iterator[None]:
    try:
        yield
    except (ConnectionFailed, LocalServerFailed, SettingsError) as exc:
        if verb.without_database:
            exc.args = (f"{exc} {verb.without_database}",)
        raise


def _run(options: argparse.Namespace, verb: Verb, talk: Talk) -> Result[Mapping[str, object]]:
    is_for_each, names_databases = flags.is_for_each(options), flags.names_databases(options)
    settings = read(flags.texts(options), need_database=verb.needs_database(options) and not names_databases)
    settings = replace(
        settings, notices=getattr(options, "verbose", False), reached=lambda target: talk(Reached(target))
    )
    talk.settings = settings
    for warning in settings.warnings:
        talk(Warned(warning))
    for note in settings.notes:
        talk(Noted(note))
    if settings.embedded:
        settings = _start_server(settings, talk)
    if is_for_each:
        from sqlrail.cli import each

        return each.run(options, verb, settings, talk)
    return verb.run(options, settings, talk)


def _start_server(settings: Settings, talk: Talk) -> Settings:
    from sqlrail.server import local

    server = local.start(settings.home, listener=talk)
    talk(Said(f"database: the embedded server in {settings.home}; look at it with"))
    talk(Said(f"  {shlex.quote(str(server.bin / 'psql'))} {shlex.quote(server.url)}"))
    return replace(settings, database_url=server.url, embedded=False, password_command=None)


def _fail(error: SqlrailError, talk: Talk, verbose: bool) -> int:
    text = shown(str(error), talk.settings)
    try:
        if verbose:
            from sqlrail.postgres.diagnostics import traced

            trace = traced("".join(traceback.format_exception(error)), error)
            print(shown(trace, talk.settings), file=sys.stderr)
        if talk.as_json:
            print_result(talk.with_target(error.as_json(text)))
        else:
            for what, ids in (("Applied", error.applied), ("Rolled back", error.rolled_back)):
                text += f" {what} before that: {', '.join(ids)}." if ids else ""
            print(text, file=sys.stderr, flush=True)
    except OSError:  # nobody reads it; the exit code still says so
        discard(sys.stdout)
        discard(sys.stderr)
    return error.exit_code
