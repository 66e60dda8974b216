"""Folders that hold shards of one study: what there is of them, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import click

from research.cli.ending import Problem
from research.cli.printing import describe_counts, show_status
from research.cli.studies import RUNNING, Summary, find_studies, study_folder, summarize
from research.errors import DamagedStudyError
from research.storage.folder import DATABASE
from research.storage.parts import shards_run
from research.storage.places import FolderPlace

MERGE = "merge.sh"  # the script that joins shards, in their folder
_SHOWN = 3  # shards in which something went wrong


class Gathered(NamedTuple):
    """Shards of one study, each in a folder of its own or several in one.

    Attributes
    ----------
    total : int
        How many there are to be.
    size : int or None
        How many experiments all have.
    folders : dict of int to Summary
        By the number of a shard.
    unread : tuple of Path
        Folders of which nothing is known: they are begun just now, or damaged.
    """

    total: int
    size: int | None
    folders: dict[int, Summary]
    unread: tuple[Path, ...] = ()

    @property
    def missing(self) -> list[int]:
        """Shards that have not begun."""
        return [number for number in range(self.total) if number not in self.folders]

    @property
    def open(self) -> dict[int, str]:
        """Shards that have not come to their end, and what became of them."""
        return {number: known.status for number, known in self.folders.items() if known.status != "done"}

    @property
    def lack(self) -> str:
        """What is still to come, in words; empty if nothing is."""
        said = []
        if self.missing:
            said.append(f"{listed(self.missing)} of {self.total} {_have(self.missing)} not begun")
        for status in dict.fromkeys(self.open.values()):
            of_it = [number for number, other in self.open.items() if other == status]
            verb = "are" if len(of_it) > 1 else "is"
            said.append(
                f"{listed(of_it)} {verb if status == RUNNING else 'was' if verb == 'is' else 'were'} {status}"
            )
        return "; ".join(said)


def folders_named(names: Iterable[str]) -> list[Path]:
    """Return folders of studies; of a folder that is none, but holds some, these.

    Raises
    ------
    Problem
        If there is no study.
    """
    found: list[Path] = []
    for name in names:
        found += inside(name) or [study_folder(name)]
    return found


def inside(name: str) -> list[Path]:
    """Return the studies in a folder that is no study itself."""
    folder = Path(name)
    if not folder.is_dir() or (folder / DATABASE).is_file():
        return []
    return list(find_studies(folder, depth=1))


def gather(folders: Sequence[Path]) -> Gathered | None:
    """Look whether studies are shards of one, and which of them there are; None if they are not."""
    known, unread = [], []
    for folder in folders:
        try:
            known.append(summarize(FolderPlace(folder)))
        except DamagedStudyError:
            unread.append(folder)
    runs = [shards_run(item.settings) for item in known]
    totals = {None if run is None else run.total for run in runs}
    if len(totals) != 1 or runs[0] is None:  # (also if there are none)
        return None
    pairs = zip(known, runs, strict=True)
    by_number = {number: item for item, run in pairs if run is not None for number in run.numbers}
    sizes = {item.settings.get("size") for item in known}
    size = sizes.pop() if len(sizes) == 1 else None
    return Gathered(runs[0].total, size, dict(sorted(by_number.items())), tuple(unread))


def show_shards(name: str) -> bool:
    """Tell of a folder that holds shards of a study; return whether it does."""
    found, script = inside(name), Path(name) / MERGE
    if not found and script.is_file():
        click.echo(f"{click.style('shards', bold=True)}      none has begun")
        return True
    gathered = gather(found)
    if gathered is None:
        return False
    statuses = Counter(known.status for known in gathered.folders.values())
    rows = [f"{count} {show_status(status)}" for status, count in sorted(statuses.items())]
    if gathered.missing:
        rows.append(f"{len(gathered.missing)} not begun")
    counts: Counter[str] = Counter()
    own = {str(known.place): known for known in gathered.folders.values()}.values()
    for known in own:
        counts += Counter(known.counts)
    n_ended = sum(int(known.progress.partition("/")[0]) for known in own)
    size = sum(known.size for known in own) if gathered.size is None else gathered.size
    for fact, text in (
        ("shards", f"{gathered.total}: {', '.join(rows)}"),
        ("progress", f"{n_ended}/{size}: {describe_counts(dict(counts))}"),
        *([("not begun", listed(gathered.missing))] if gathered.missing else []),
        *(
            ("to go on", f"{number} ({status})")
            for number, status in gathered.open.items()
            if status != RUNNING
        ),
        *(("unreadable", str(folder)) for folder in gathered.unread),
    ):
        click.echo(f"{click.style(fact, bold=True)}{' ' * (12 - len(fact))}{text}")
    for known in [item for item in own if item.n_troubles][:_SHOWN]:
        click.echo(f"{known.n_troubles} went wrong: research failures {quote(str(known.place))}", err=True)
    if gathered.lack:
        click.echo("what is left is run by submitting the script again", err=True)
    else:
        by = f"sh {quote(str(script))}" if script.is_file() else f"research merge {quote(name)} --into NEW"
        click.echo(f"all shards are there, they are joined by: {by}", err=True)
    return True


def refuse_parts(gathered: Gathered | None) -> None:
    """Refuse to join what is not whole.

    Raises
    ------
    Problem
        Says what is missing.
    """
    if gathered is None:
        raise Problem("--whole is about shards of one study, as `run --shard K/N` makes them: these are not")
    if gathered.lack:
        raise Problem(
            f"shards are missing: {gathered.lack}",
            3,
            "Run them, by submitting the script again, or join what there is: --partial",
        )


def listed(numbers: Sequence[int]) -> str:
    """Write numbers shortly.

    Examples
    --------
    >>> listed([1, 3, 4, 5, 8, 9])
    '1, 3-5, 8, 9'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)


def _have(numbers: Sequence[int]) -> str:
    return "have" if len(numbers) > 1 else "has"
