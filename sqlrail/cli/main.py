"""The command line: parse, call, print, choose the exit code; nothing else."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shlex
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from sqlrail import __version__
from sqlrail.errors import (
    Bug,
    ConnectionFailed,
    Interrupted,
    LocalServerFailed,
    SettingsError,
    SqlrailError,
    UsageError,
)
from sqlrail.ground.settings import ENVIRONMENTS, Settings, Target, read
from sqlrail.ground.words import Script, guess, masked, printable, visible

if TYPE_CHECKING:  # what a verb needs is imported when it is called
    from sqlrail.orphans.clean import Relation
    from sqlrail.postgres.giving_way import Progress
    from sqlrail.verbs.cleanup import Cleanup

OK, REFUSED, FOUND = 0, 3, 4
#: seconds between two lines about progress where there is no terminal
PLAIN = 10.0

VERBS = {
    "migrate": "apply what is pending, each file with its cleanup in one transaction",
    "status": "show the history; changes nothing",
    "plan": "rehearse what is pending on a scratch database: locks, scans, rewrites; changes nothing",
    "cleanup": "archive and delete the orphans of every declared relation, and of every key that is not validated",
    "restore": "put the archived rows of a run back, those whose parent is there again",
    "archive": "list what cleanups have archived, or purge what is old",
    "reset": "development only: empty the database and migrate from zero; --seed: with rows to work with",
    "rollback": "take back the newest migrations by their .rollback.sql files, each in one transaction",
    "baseline": "record files as applied without running them: for a database that has it all already",
    "drift": "hold the database against what the files build, or against another; changes nothing",
    "doctor": "find what is unhealthy in the database, with the SQL that mends it; changes nothing",
    "schema": "write the schema that the files build, or check that what was written is still true",
    "stamp": "say which environment's database this is, by name (a copy keeps the stamp it came with)",
    "repair": "accept files that were edited or renamed, into the log",
    "new": "make the next numbered file and its rollback",
    "lint": "find dangerous statements in the pending files, with the safer way; changes nothing",
    "stop": "stop the embedded server",
}

#: verbs that need no database
LOCAL = ("new", "stop")

Result = tuple[int, Mapping[str, Any], str]


class _AddUp(argparse.Action):
    """A list of names that may be said several times."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: object = None
    ) -> None:
        del parser, option
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '([^']+)' \(choose from (.*)\)", message)
        end = guess(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else "."
        raise UsageError(f"{message}{end} See `{self.prog} --help`.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        # The help has been printed; nobody may be reading it.
        if sys.stdout:
            sys.stdout.flush()
        super().exit(status, message)


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    """The whole command line's, and each verb's."""
    # Flags may stand before or after the verb: both parsers know them, and neither has defaults to overwrite with.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "--database-url", metavar="URL", help="postgresql://... (else DATABASE_URL, else PGHOST and so on)"
    )
    common.add_argument("--migrations", metavar="DIR", help="the folder of the files (default: migrations)")
    common.add_argument("--env-file", metavar="FILE", help="settings instead of .env")
    common.add_argument("--json", action="store_true", help="one JSON document on stdout")
    common.add_argument("--verbose", action="store_true", help="show tracebacks, and the server's notices")
    common.add_argument(
        "--wait", metavar="TIME", help="how long to wait until the database answers (default: 0)"
    )
    common.add_argument(
        "--lock-wait", metavar="TIME", help="how long to wait for another runner (default: 60s)"
    )
    common.add_argument("--lock-timeout", metavar="TIME", help="longest wait for one lock (default: 2s)")
    common.add_argument(
        "--statement-timeout", metavar="TIME", help="longest time for one statement (default: 0, none)"
    )
    common.add_argument(
        "--retry-for", metavar="TIME", help="how long a file that gave way is tried (default: 10min)"
    )
    common.add_argument(
        "--idle-timeout",
        metavar="TIME",
        help="how long a runner that was stopped keeps its locks (default: 10min)",
    )
    parser = _Parser(prog="sqlrail", description="PostgreSQL migrations in plain SQL, on guard rails.",
                     parents=[common], allow_abbrev=False)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"sqlrail {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    added = {
        verb: verbs.add_parser(verb, help=text, description=text, parents=[common], allow_abbrev=False)
        for verb, text in VERBS.items()
    }
    added["status"].add_argument(
        "--check", action="store_true", help="exit 4 unless everything is applied and intact"
    )
    for verb in ("migrate", "cleanup", "restore"):
        guards = added[verb].add_argument_group("guards", argument_default=argparse.SUPPRESS)
        guards.add_argument(
            "--allow-triggers", metavar="NAMES", action=_AddUp,
            help="triggers that may fire, parted by commas; said twice, it adds up",
        )  # fmt: skip
    for verb in ("migrate", "cleanup"):
        guards = added[verb].add_argument_group("guards of the cleanup", argument_default=argparse.SUPPRESS)
        guards.add_argument(
            "--max-share", metavar="F", help="share of a table that may be orphans (default: 10%%)"
        )
        guards.add_argument(
            "--max-rows", metavar="N", help="orphans that are few whatever their share (default: 1000)"
        )
    for verb in ("migrate", "rollback"):
        added[verb].add_argument(
            "--interrupted", metavar="again|done", default=argparse.SUPPRESS,
            help="what to do with a statement outside a transaction that was cut off, and may have taken effect",
        )  # fmt: skip
    added["cleanup"].add_argument("--dry-run", action="store_true", help="only look")
    added["cleanup"].add_argument(
        "--print-sql", action="store_true", help="print what would run, as a script for psql"
    )
    online = added["cleanup"].add_argument_group("for big live tables", argument_default=argparse.SUPPRESS)
    online.add_argument(
        "--online", action="store_true", default=False,
        help="in batches, each a transaction of its own that keeps nobody waiting",
    )  # fmt: skip
    online.add_argument("--batch-time", metavar="TIME", help="what a batch shall take (default: 200ms)")
    online.add_argument("--pause", metavar="TIME", help="between two batches (default: 100ms)")
    online.add_argument("--pause-file", metavar="FILE", help="wait as long as this file is there")
    online.add_argument(
        "--max-lag", metavar="TIME", help="wait while a replica is further behind (default: 1.5s; 0: never)"
    )
    which = added["cleanup"].add_mutually_exclusive_group()
    which.add_argument("--relation", action="append", metavar="'C.COL -> P.KEY'", help="this relation only")
    which.add_argument(
        "--all", action="store_true", help="every foreign key's, not only those that are not validated"
    )
    for verb in ("migrate", "plan"):
        added[verb].add_argument(
            "--to", metavar="ID", help="go no further than this one (its number will do)"
        )
        added[verb].add_argument(
            "--allow-late", action="store_true", help="run new files that come before applied ones"
        )
        added[verb].add_argument(
            "--allow-missing", action="store_true", help="go on though applied files are gone"
        )
    added["migrate"].add_argument(
        "--new-schema",
        action="store_true",
        help="migrate the first schema of the search_path from zero, whatever is recorded in others",
    )
    added["migrate"].add_argument(
        "--stamp",
        action="store_true",
        help="write the environment's name into a database that was migrated without a stamp",
    )
    for verb in ("migrate", "plan", "baseline"):
        added[verb].add_argument(
            "--allow-other-history", action="store_true",
            help="go on though another tool's history names files of this folder",
        )  # fmt: skip
    added["plan"].add_argument(
        "--check", action="store_true", help="exit 4 unless every file is instant and no cleanup refused"
    )
    added["plan"].add_argument(
        "--format", choices=("table", "markdown"), default="table", help="markdown: for a pull request"
    )
    added["repair"].add_argument(
        "ids", nargs="*", metavar="ID", help="only these (else all that were edited or renamed)"
    )
    added["repair"].add_argument(
        "--forget",
        action="append",
        metavar="ID",
        help="take out the record of a file that is gone for good, or the notes of one that is half done",
    )
    added["repair"].add_argument("--yes", action="store_true", help="do not ask")
    added["lint"].add_argument("files", nargs="*", metavar="FILE", help="these files, whatever is pending")
    added["lint"].add_argument("--all", action="store_true", help="every file; needs no database")
    added["lint"].add_argument("--check", action="store_true", help="exit 4 if anything is found")
    added["lint"].add_argument(
        "--format", choices=("text", "github"), default="text", help="github: annotations of a workflow's run"
    )
    added["new"].add_argument("name", metavar="NAME", help="what it does, as in 'add users'")
    added["restore"].add_argument(
        "run", type=_number, metavar="RUN", help="its number, as cleanup and archive list show it"
    )
    added["restore"].add_argument("--relation", metavar="'C.COL -> P.KEY'", help="this relation only")
    added["restore"].add_argument(
        "--force",
        action="store_true",
        help="all rows that no foreign key forbids, and without values whose column is gone",
    )
    added["archive"].add_argument("action", choices=("list", "purge"))
    added["archive"].add_argument(
        "--older-than", metavar="TIME", help="purge: of runs that are older, as in 30d"
    )
    added["archive"].add_argument("--yes", action="store_true", help="purge: do not ask, in production too")
    added["reset"].add_argument("--yes", action="store_true", help="do not ask")
    added["reset"].add_argument(
        "--seed", nargs="?", const=True, default=None, metavar="FILE",
        help="then load rows to work with, of this file (else SQLRAIL_SEED's, else sql/seed.sql)",
    )  # fmt: skip
    added["reset"].add_argument(
        "--spare", action="append", default=[], metavar="NAME",
        help="leave this alone: a schema with all in it, a table, an extension and so on; may be said several times",
    )  # fmt: skip
    how_far = added["rollback"].add_mutually_exclusive_group()
    how_far.add_argument("--steps", metavar="N", help="how many, the newest first (default: 1)")
    how_far.add_argument("--to", metavar="ID", help="all that come after this one, which stays applied")
    added["rollback"].add_argument("--yes", action="store_true", help="in production too")
    added["baseline"].add_argument("--to", metavar="ID", required=True, help="the last one to be recorded")
    added["baseline"].add_argument(
        "--accept-differences", action="store_true",
        help="record them though the database differs from what they build, or cannot be compared",
    )  # fmt: skip
    other = added["drift"].add_mutually_exclusive_group()
    other.add_argument(
        "--pending", action="store_true", help="what all files build, not only those that are applied"
    )
    other.add_argument(
        "--against", metavar="URL", default=argparse.SUPPRESS,
        help="another database in the files' place (or SQLRAIL_AGAINST)",
    )  # fmt: skip
    other.add_argument(
        "--orm",
        metavar="COMMAND",
        help="what this command makes in the scratch database that DATABASE_URL names",
    )
    for flag, what in (
        ("--schema", "only these schemas"),
        ("--exclude-schema", "not these schemas"),
        ("--exclude-table", "not these tables"),
    ):
        added["drift"].add_argument(
            flag, metavar="NAMES", action="append", default=[], help=f"{what}, parted by commas"
        )
    added["drift"].add_argument("--with-privileges", action="store_true", help="compare GRANTs too")
    added["drift"].add_argument(
        "--print-sql", action="store_true", help="print the SQL that makes the database the same"
    )
    added["drift"].add_argument(
        "--with-drops", action="store_true", help="print what would lose data as SQL, and not as comments"
    )
    added["drift"].add_argument("--check", action="store_true", help="exit 4 if there is a difference")
    added["doctor"].add_argument("--quick", action="store_true", help="count no rows")
    added["doctor"].add_argument(
        "--retention", metavar="TIME", default=argparse.SUPPRESS,
        help="how long the archive may keep rows (default: 90d)",
    )  # fmt: skip
    added["doctor"].add_argument(
        "--write", metavar="NAME", nargs="?", const="mend", default=None,
        help="write what mends it as new migrations (of the name mend)",
    )  # fmt: skip
    added["doctor"].add_argument("--check", action="store_true", help="exit 4 if anything is found")
    for verb in ("migrate", "reset", "schema"):
        added[verb].add_argument(
            "--schema-file", metavar="FILE", default=argparse.SUPPRESS,
            help="where the schema that the files build is kept (or SQLRAIL_SCHEMA_FILE)",
        )  # fmt: skip
    for verb in ("plan", "drift", "schema", "baseline"):
        added[verb].add_argument(
            "--scratch", metavar="embedded|URL", default=argparse.SUPPRESS,
            help="the server on which the scratch database is made (or SQLRAIL_SCRATCH; default: the database's own)",
        )  # fmt: skip
    added["schema"].add_argument("--check", action="store_true", help="exit 4 if the file is not up to date")
    added["stamp"].add_argument("environment", choices=ENVIRONMENTS)
    added["stamp"].add_argument("--name", help="the database's name, where no terminal can be asked")
    return parser, added


class _Talk:
    """Tells people what happens: talk on stderr, what was applied on stdout as soon as it is committed."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.settings = Settings()
        self.target: Target | None = None

    def reached(self, target: Target) -> None:
        """Names the database that the verb works on, once."""
        if self.target is None:
            self.target = target
            if not self.as_json:
                self.say(f"target: {target}")

    def begun(self, name: str) -> None:
        if not self.as_json:
            self.say(f"applying {printable(name)} ...")

    def with_target(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**document, "target": self.target._asdict()} if self.target else document

    def say(self, text: str) -> None:
        try:
            print(_shown(text, self.settings), file=sys.stderr, flush=True)
        except OSError:  # nobody reads: no reason to stop
            _discard(sys.stderr)

    def applied(self, done: Any) -> None:
        from sqlrail.cli.render import migrate

        self._tell(migrate.applied(done))

    def rolled_back(self, done: Any) -> None:
        from sqlrail.cli.render import rollback

        self._tell(rollback.rolled_back(done))

    def _tell(self, text: str) -> None:
        if not self.as_json:
            with suppress(OSError):  # nobody reads, or the disk is full: no reason to stop between two files
                print(visible(text), flush=True)


class _Bar:
    """How far something long is: a bar on a terminal, elsewhere a line now and then, with --json nothing."""

    def __init__(self, talk: _Talk, told: float = -PLAIN) -> None:
        self.talk, self.told = talk, told
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def close(self) -> None:
        if self.bar:
            with suppress(OSError):
                self.bar.stop()
        self.bar, self.tasks = None, {}

    def show(self, done: Progress | None) -> None:
        if self.talk.as_json:
            return
        if done is None:
            self.close()
        elif sys.stderr.isatty():
            with suppress(OSError):
                self._draw(done)
        elif time.monotonic() - self.told >= PLAIN:
            self.told = time.monotonic()
            self.talk.say(f"{done.name}: {done.text}")

    def _draw(self, done: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        text = _shown(done.text, self.talk.settings)
        if self.bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                # Whom it waits for comes last, and must not be cut off.
                TextColumn("{task.fields[text]}", markup=False, table_column=Column(overflow="fold")),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
            self.bar.start()
        if done.name not in self.tasks:
            self.tasks[done.name] = self.bar.add_task(done.name, text=text)
        self.bar.update(self.tasks[done.name], completed=done.done, total=done.total, text=text, refresh=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    _mend_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    talk = _Talk("--json" in given)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        parser, of_verbs = _parsers()
        options, strays = parser.parse_known_args(given)
        if strays:
            raise UsageError(f"{_stray(strays[0], of_verbs[options.verb])} See `sqlrail --help`.")
        _refuse_idle(options)
        code, document, text = _run(options, talk)
        _print_result(talk.with_target(document) if talk.as_json else text)
    except SqlrailError as exc:
        return _fail(exc, talk, "--verbose" in given)
    except BrokenPipeError:  # whoever read our output has gone away, as `head` does
        _discard(sys.stdout)
        return 1
    except OSError as exc:
        _discard(sys.stdout)
        unwritten = SqlrailError(f"the result cannot be written: {exc.strerror}.")
        return _fail(unwritten, talk, "--verbose" in given)
    except Exception as exc:
        return _fail(Bug(exc), talk, "--verbose" in given)
    return code


def _mend_streams() -> None:
    """What is closed becomes /dev/null, so that no file of ours gets its number; what cannot be spelt is escaped."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard(stream: TextIO) -> None:
    # What is still in the buffer would be an error once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stray(word: str, parser: _Parser) -> str:
    # Without what follows: it may be a password, as in --passwrod=...
    word = word.partition("=")[0]
    if not word.startswith("-"):
        return f"'{word}' is one word too many."
    flags = re.findall(r"--[a-z-]+", parser.format_help())
    return f"there is no flag {word}{guess(word, flags)}"


def _refuse_idle(options: argparse.Namespace) -> None:
    """UsageError where a flag would decide nothing: who gave it meant something by it."""
    given = vars(options)

    def idle(flag: str, why: str, *, unless: bool) -> None:
        value = given.get(flag)
        if value not in (None, False, "", "text", "table") and not unless:
            raise UsageError(f"--{flag.replace('_', '-')} decides nothing here: {why}.")

    if given.get("json"):
        idle("format", "--json is another form of the output, choose one", unless=False)
    if options.verb == "cleanup":
        idle("dry_run", "--print-sql only prints", unless=not options.print_sql)
        for flag in ("batch_time", "pause", "pause_file", "max_lag"):
            idle(flag, "it is for --online", unless=options.online)
    if options.verb == "drift":
        idle("with_drops", "it is for --print-sql", unless=options.print_sql or given.get("json", False))
        idle("scratch", "--against is read as it is", unless="against" not in given)
    if options.verb == "archive":
        for flag in ("older_than", "yes"):
            idle(flag, "it is for purge", unless=options.action == "purge")


def _run(options: argparse.Namespace, talk: _Talk) -> Result:
    flags = {name: value for name, value in vars(options).items() if isinstance(value, str)}
    # What is pending, a database knows; what there is, the folder.
    is_local = options.verb in LOCAL or (options.verb == "lint" and (options.all or options.files))
    with _naming_all(options):
        settings = read(flags, need_database=not is_local)
    settings = replace(settings, notices=getattr(options, "verbose", False), reached=talk.reached)
    talk.settings = settings
    for warning in settings.warnings:
        talk.say(f"warning: {warning}")
    for note in settings.notes:
        talk.say(f"note: {note}")
    if options.verb == "stop":
        return _stop(settings)
    if options.verb == "new":
        return _new(options, settings, talk)
    if settings.embedded:
        with _naming_all(options):
            settings = _start_server(settings, talk)
    run: dict[str, Callable[[argparse.Namespace, Settings, _Talk], Result]] = {
        "migrate": _migrate,
        "status": _status,
        "plan": _plan,
        "repair": _repair,
        "cleanup": _cleanup,
        "restore": _restore,
        "archive": _archive,
        "reset": _reset,
        "rollback": _rollback,
        "baseline": _baseline,
        "drift": _drift,
        "doctor": _doctor,
        "schema": _schema,
        "stamp": _stamp,
        "lint": _lint,
    }
    return run[options.verb](options, settings, talk)


def _migrate(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import migrate as render
    from sqlrail.verbs.apply import migrate

    settings = replace(settings, new_schema=options.new_schema)
    with closing(_Bar(talk)) as bar:
        result = migrate(
            settings, talk, to=options.to, allowed=_allowed(options), stamp=options.stamp, show=bar.show,
            begun=talk.begun,
        )  # fmt: skip
    _say_taken_over(result.taken_over, talk)
    if settings.schema_file is not None and (result.applied or not settings.schema_file.exists()):
        _keep_schema(settings, talk, settings.schema_file)
    return OK, result.as_json(), render.text(result)


def _allowed(options: argparse.Namespace) -> list[str]:
    kinds = ("late", "missing", "other-history")
    return [kind for kind in kinds if getattr(options, f"allow_{kind.replace('-', '_')}")]


def _keep_schema(settings: Settings, talk: _Talk, path: Path) -> None:
    from sqlrail.verbs.drift import write_schema

    try:
        write_schema(settings, talk.say, path)
    except Interrupted:
        raise
    except Exception as exc:  # the migration stands, whatever becomes of a file for people
        talk.say(f"warning: {path} was not written: {exc}")


def _say_taken_over(ids: tuple[str, ...], talk: _Talk) -> None:
    if ids:
        talk.say(f"plain yoyo applied {', '.join(ids)}: today's content was taken over as theirs")


def _status(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import status as render
    from sqlrail.verbs.apply import status

    result = status(settings, talk)
    code = FOUND if options.check and not result.is_intact else OK
    return code, result.as_json(), render.text(result, _width())


def _plan(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import plan as render
    from sqlrail.verbs.plan import plan

    result = plan(settings, talk, to=options.to, allowed=_allowed(options))
    code = FOUND if options.check and not result.is_instant else OK
    is_markdown = options.format == "markdown"
    text = render.markdown(result) if is_markdown else render.text(result, _width())
    return code, result.as_json(), text


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _repair(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import repair as render
    from sqlrail.verbs.repair import Repair, repair

    def confirm(shown: list[Repair]) -> bool:
        if options.yes:
            return True
        talk.say(render.offered(shown))
        return _typed("yes", "Type yes to accept that: ")

    result = repair(settings, talk, options.ids, options.forget or [], confirm)
    return OK, result.as_json(), render.text(result)


@contextmanager
def _naming_all(options: argparse.Namespace) -> Iterator[None]:
    """Where a lint finds no database to ask what is pending: the way without one."""
    try:
        yield
    except (ConnectionFailed, LocalServerFailed, SettingsError) as exc:
        if options.verb == "lint":
            exc.args = (f"{exc} `lint --all` needs none.",)
        raise


def _lint(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import lint as render
    from sqlrail.verbs.lint import lint

    with _naming_all(options):
        result = lint(settings, talk, [Path(name) for name in options.files], every=options.all)
    text = Script(render.github(result)) if options.format == "github" else render.text(result)
    return FOUND if options.check and not result.is_clean else OK, result.as_json(), text


def _new(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.verbs.new import new

    made = new(settings.migrations, options.name)
    if made.wider_than:
        talk.say(
            f"{made.id} sorts before {made.wider_than}, for its number has a digit more: "
            "its `-- depends:` keeps it behind"
        )
    return OK, made.as_json(), f"made {made.path}\nmade {made.rollback}"


def _cleanup(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import cleanup as render
    from sqlrail.verbs.cleanup import cleanup, print_sql

    named = _relations(options.relation or [])
    if options.print_sql and options.online:
        raise UsageError("--print-sql prints the one transaction of a cleanup; an --online one has many.")
    if options.print_sql:
        printed = print_sql(settings, talk, named, every=options.all)
        for one in printed.undecided:
            talk.say(f"left out: {render.line(one)}")
        return REFUSED if printed.undecided else OK, printed.as_json(), Script(printed.sql)
    if options.online and not options.dry_run:
        result = _clean_online(options, settings, talk, named)
    else:
        result = cleanup(settings, talk, named, every=options.all, dry_run=options.dry_run)
    code = REFUSED if result.undecided and not result.dry_run else OK
    return code, result.as_json(), render.text(result)


def _clean_online(
    options: argparse.Namespace, settings: Settings, talk: _Talk, named: list[Relation]
) -> Cleanup:
    from sqlrail.cli.render import cleanup as render
    from sqlrail.verbs import online

    hand = online.Hand()

    def interrupt(number: int, _: FrameType | None) -> None:
        _ignore_signals()
        hand.interrupt(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    with closing(_Bar(talk, time.monotonic())) as bar:

        def show(done: online.Progress) -> None:
            bar.show(render.progress(done))

        return online.cleanup(settings, talk, named, every=options.all, hand=hand, show=show)


def _relations(texts: list[str]) -> list[Any]:
    from sqlrail.orphans.clean import Relation

    try:
        return [Relation.parse(text) for text in texts]
    except ValueError as exc:
        raise UsageError(f"--relation: {exc}.") from exc


def _number(text: str) -> int:
    # int() takes 1_0 for 10.
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of a run")
    return int(text)


def _restore(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import restore as render
    from sqlrail.verbs.restore import restore

    named = _relations([options.relation] if options.relation is not None else [])
    result = restore(settings, talk, options.run, next(iter(named), None), force=options.force)
    return OK, result.as_json(), render.text(result)


def _archive(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import archive as render
    from sqlrail.ground.settings import age
    from sqlrail.verbs import archive

    if options.action == "list":
        result = archive.list_runs(settings, talk)
        return OK, result.as_json(), render.text(result, _width())
    if options.older_than is None:
        raise UsageError("archive purge needs --older-than, as in --older-than 30d.")
    try:
        older_than = age(options.older_than)
    except ValueError as exc:
        raise UsageError(f"--older-than is '{options.older_than}': {exc}.") from exc
    done = archive.purge(settings, talk, older_than, lambda name, what: options.yes or _typed(name, what))
    return OK, done.as_json(), render.purged(done)


def _reset(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import migrate as render
    from sqlrail.verbs.reset import reset

    result = reset(
        settings, talk, lambda name: options.yes or _typed_name(name, "Everything in it will be dropped."),
        seed=options.seed is not None, spare=options.spare,
    )  # fmt: skip
    if settings.schema_file is not None:
        _keep_schema(settings, talk, settings.schema_file)
    return OK, result.as_json(), render.text(result)


def _rollback(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import rollback as render
    from sqlrail.verbs.rollback import rollback

    steps = "1" if options.steps is None else options.steps
    if not re.fullmatch("[0-9]{1,9}", steps) or not int(steps):
        raise UsageError(f"--steps is '{steps}': write a whole number, 1 or more.")
    with closing(_Bar(talk)) as bar:
        result = rollback(settings, talk, steps=int(steps), to=options.to, yes=options.yes, show=bar.show)
    return OK, result.as_json(), render.text(result)


def _baseline(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import baseline as render
    from sqlrail.verbs.baseline import baseline

    result = baseline(
        settings, talk, options.to,
        accept_differences=options.accept_differences, allow_other_history=options.allow_other_history,
    )  # fmt: skip
    return OK, result.as_json(), render.text(result)


def _drift(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import drift as render
    from sqlrail.ground.settings import names
    from sqlrail.verbs.drift import Choice, drift

    if settings.against is not None and (options.pending or options.orm is not None):
        settings = replace(settings, against=None)  # what was asked for by name goes before the environment
    choice = Choice(
        names(",".join(options.schema)),
        names(",".join(options.exclude_schema)),
        names(",".join(options.exclude_table)),
        options.with_privileges,
    )
    result = drift(settings, talk, choice, pending=options.pending, orm=options.orm)
    document = result.as_json(with_drops=options.with_drops)
    text = Script(document["sql"]) if options.print_sql else render.text(result)
    return FOUND if options.check and result.differences else OK, document, text


def _doctor(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.cli.render import doctor as render
    from sqlrail.verbs.doctor import doctor, write
    from sqlrail.verbs.new import slug

    if options.write is not None:
        slug(options.write)  # before all is counted
    result = doctor(settings, talk, quick=options.quick)
    if options.write is not None:
        result = replace(result, made=tuple(write(settings, result, options.write)))
        if not result.made:
            talk.say("no file was made: there is nothing that SQL mends")
    code = FOUND if options.check and result.findings else OK
    return code, result.as_json(), render.text(result)


def _schema(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.verbs.drift import check_schema, schema, write_schema

    path = settings.schema_file
    if path is None:
        if options.check:
            raise UsageError("schema --check needs the file: --schema-file FILE, or SQLRAIL_SCHEMA_FILE.")
        built = schema(settings, talk.say)
        return OK, built.as_json(), Script(built.sql.rstrip("\n"))
    if options.check:
        checked = check_schema(settings, talk.say, path)
        text = checked.difference or f"{path} is what the files build"
        return FOUND if checked.difference else OK, checked.as_json(), text
    return OK, write_schema(settings, talk.say, path).as_json(), f"wrote {path}"


def _stamp(options: argparse.Namespace, settings: Settings, talk: _Talk) -> Result:
    from sqlrail.verbs.reset import stamp

    question = f"It will be stamped {options.environment}."
    result = stamp(
        settings, talk, options.environment,
        lambda name: options.name == name if options.name else _typed_name(name, question),
    )  # fmt: skip
    return OK, result.as_json(), f"stamped {result.stamp}; before it was {result.before or 'not stamped'}"


def _stop(settings: Settings) -> Result:
    from sqlrail.verbs.stop import stop

    result = stop(settings)
    return OK, result.as_json(), "stopped" if result.stopped else "it was not running"


def _start_server(settings: Settings, talk: _Talk) -> Settings:
    from sqlrail.server import local

    server = local.start(settings.home, say=talk.say)
    talk.say(f"database: the embedded server in {settings.home}; look at it with")
    talk.say(f"  {shlex.quote(str(server.bin / 'psql'))} {shlex.quote(server.url)}")
    return replace(settings, database_url=server.url, embedded=False)


def _typed_name(name: str, what: str) -> bool:
    return _typed(name, f"{what} Type the database's name ({name}) to go on: ")


def _typed(word: str, question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == word


def _interrupt(number: int, _: FrameType | None) -> None:
    _ignore_signals()
    raise Interrupted(number)


def _ignore_signals() -> None:
    # Once is enough: a second one would only disturb the rolling back, which takes seconds at the most.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def _fail(error: SqlrailError, talk: _Talk, verbose: bool) -> int:
    text = _shown(str(error), talk.settings)
    try:
        if verbose:
            print(_shown("".join(traceback.format_exception(error)), talk.settings), file=sys.stderr)
        if talk.as_json:
            _print_result(talk.with_target(error.as_json(text)))
        else:
            for what, ids in (("Applied", error.applied), ("Rolled back", error.rolled_back)):
                text += f" {what} before that: {', '.join(ids)}." if ids else ""
            print(text, file=sys.stderr, flush=True)
    except OSError:  # nobody reads it; the exit code still says so
        _discard(sys.stdout)
        _discard(sys.stderr)
    return error.exit_code


def _print_result(result: Mapping[str, Any] | str) -> None:
    if not isinstance(result, str):
        result = json.dumps(result, indent=2)
    elif sys.stdout.isatty() or not isinstance(result, Script):
        result = visible(result)
    print(result, flush=True)


def _shown(text: str, settings: Settings) -> str:
    return visible(masked(text, settings.secrets))
