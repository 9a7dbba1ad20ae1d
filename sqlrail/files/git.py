"""What a git ref has of the folder of migrations: git itself is asked, in a process of its own, and no shell."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from sqlrail.errors import MissingPrerequisite, UsageError
from sqlrail.files.code import FOLDER as CODE
from sqlrail.files.content import BLOCK
from sqlrail.ground.words import printable

#: what git needs of our environment: nothing else in it is its business, DATABASE_URL least of all
_NEEDED = ("PATH", "HOME", "XDG_CONFIG_HOME")
#: the mode of a symbolic link in a tree
_LINK = b"120000"


class Repository:
    """The repository that the folder lies in. UsageError where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        inside = self._git("rev-parse", "--is-inside-work-tree")
        if inside.returncode != 0 or inside.stdout.strip() != b"true":
            raise UsageError(f"--against: {folder} is not in a git repository: {_reason(inside)}.")

    def commit(self, ref: str) -> str:
        """The hash of the commit that a ref names; UsageError, with what fetches it, if there is none."""
        if not ref or ref.startswith("-") or not ref.isprintable():  # git would take it for a flag
            raise UsageError(f"--against is {ref!r}: name a branch, a tag or a commit, as in origin/main.")
        found = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if found.returncode != 0:
            raise UsageError(f"--against is '{ref}': git knows no such commit here{self._fetching(ref)}.")
        return found.stdout.decode().strip()

    def parting(self, commit: str, ref: str) -> str:
        """The hash of the newest commit that HEAD and the ref's have in common; UsageError if there is none here."""
        found = self._git("merge-base", commit, "HEAD")
        if found.returncode == 0:
            return found.stdout.decode().split()[0]
        shallow = self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        if shallow:
            raise UsageError(
                f"--against: this clone is shallow, and lacks the commit where HEAD and {ref} part. Fetch it with "
                "`git fetch --unshallow` (of actions/checkout: `fetch-depth: 0`)."
            )
        raise UsageError(f"--against: HEAD and {ref} have no commit in common: {_reason(found)}.")

    def write(self, commit: str, target: Path) -> None:
        """Writes the files of the folder that a commit has, and that may be migrations, into another folder.

        A symbolic link becomes the file that it leads to today.
        """
        blobs = dict(self._blobs(commit))
        with tempfile.TemporaryFile() as asked:
            asked.write(b"".join(hash_ + b"\n" for hash_ in blobs.values() if hash_ != _LINK))
            asked.seek(0)
            with subprocess.Popen(
                _command(self._folder, "cat-file", "--batch"),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            ) as batch:
                assert batch.stdout
                for name, hash_ in blobs.items():
                    if hash_ == _LINK:
                        _link(self._folder / name, target / name)
                    else:
                        _copy(batch.stdout, target / name)

    def _blobs(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """The name of each file that may be a migration, with its hash; for a link, its mode in place of that."""
        listed = self._git("ls-tree", "-z", commit)
        if listed.returncode != 0:
            raise UsageError(f"--against: git cannot list the folder at {commit}: {_reason(listed)}.")
        for line in listed.stdout.split(b"\0")[:-1]:
            facts, _, name = line.partition(b"\t")
            mode, kind, hash_ = facts.split()
            if kind == b"blob" and name.endswith(b".sql") and b"/" not in name:
                yield os.fsdecode(name), _LINK if mode == _LINK else hash_

    def _fetching(self, ref: str) -> str:
        remotes = self._git("remote").stdout.decode(errors="replace").split()
        remote, _, branch = ref.partition("/")
        if branch and remote in remotes:
            wanted = shlex.quote(f"{branch}:refs/remotes/{ref}")
            return f"; fetch it with `git fetch {shlex.quote(remote)} {wanted}`"
        wanted = shlex.quote(ref if re.fullmatch("[0-9a-f]{7,}", ref) else f"{ref}:{ref}")
        return f"; fetch it with `git fetch {shlex.quote(remotes[0])} {wanted}`" if remotes else ""

    def _git(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return _asked(self._folder, *words)


class Uncommitted(NamedTuple):
    """A file that is not as the last commit has it, the first line that differs, from 1, and how."""

    path: Path
    line: int
    how: str


def uncommitted(folder: Path) -> list[Uncommitted]:
    """The files of a folder of migrations, code files included, that are not as git's last commit has them.

    None where no work tree of git is around it; UsageError where git cannot say.
    """
    own = folder.resolve()
    if not any((parent / ".git").exists() for parent in (own, *own.parents)):
        return []
    asked = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", ".")
    listed = _asked(folder, *asked)
    top = _asked(folder, "rev-parse", "--show-toplevel")
    if listed.returncode != 0 or top.returncode != 0:
        failed = listed if listed.returncode else top
        raise UsageError(f"git cannot say what of {folder} is committed: {_reason(failed)}.")
    root, found = Path(os.fsdecode(top.stdout.rstrip(b"\n"))), list[Uncommitted]()
    for entry in listed.stdout.split(b"\0")[:-1]:
        state, own = (
            entry[:2].decode(),
            Path(os.path.relpath(root / os.fsdecode(entry[3:]), folder.resolve())),
        )
        if own.suffix == ".sql" and own.parent in (Path(), Path(CODE)):
            found.append(Uncommitted(folder / own, *_difference(folder, own, state)))
    return found


def _difference(folder: Path, own: Path, state: str) -> tuple[int, str]:
    """The first line that differs, and how, of a file whose state git names by two letters."""
    if "U" in state or state in ("AA", "DD"):
        lines = (folder / own).read_bytes().splitlines() if (folder / own).exists() else []
        marks = (number for number, line in enumerate(lines, 1) if line.startswith(b"<<<<<<<"))
        return next(marks, 1), "half merged"
    if state == "??":
        return 1, "not tracked"
    if "D" in state and not (folder / own).exists():
        return 1, "removed, and that is not committed"
    hunks = _asked(folder, "diff", "--no-ext-diff", "--no-color", "-U0", "HEAD", "--", str(own)).stdout
    first = re.search(rb"(?m)^@@ -\S+ \+([0-9]+)", hunks)
    return max(int(first[1]), 1) if first else 1, "not committed"


def _asked(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            _command(folder, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            check=False,
        )
    except OSError as exc:
        raise MissingPrerequisite(f"git has to be asked, and does not run: {exc.strerror}.") from exc


def _command(folder: Path, *words: str) -> list[str]:
    # What only looks is in nobody's way, who has just begun to commit say.
    return ["git", "--no-optional-locks", "-C", str(folder), *words]


def _environment() -> Mapping[str, str]:
    # GIT_DIR, which a hook is given, is relative to another folder; the repository is the one that the folder is in.
    told = {name: value for name, value in os.environ.items() if name in _NEEDED or "GIT_CONFIG" in name}
    return {**told, "LC_ALL": "C"}


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return printable(lines[0].removeprefix("fatal: ").rstrip(".")) if lines else "git does not say why"


def _link(source: Path, target: Path) -> None:
    if source.is_file():
        target.symlink_to(source.resolve())


def _copy(stream: IO[bytes], target: Path) -> None:
    """Writes the next of the batch into a file, which has `hash blob SIZE`, so many bytes, and a line's end."""
    words = stream.readline().split()
    if words[1:2] != [b"blob"]:
        raise UsageError(f"--against: git lacks the content that {target.name} had; fetch it.")
    left = int(words[2])
    with target.open("xb") as file:
        while left:
            block = stream.read(min(left, BLOCK))
            if not block:
                raise UsageError(f"--against: git ends in the midst of {target.name}.")
            file.write(block)
            left -= len(block)
    stream.read(1)
