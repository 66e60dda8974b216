"""`merge`, `snapshot`, `export`, `import` and `check`: what is done with whole studies."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from research.cli.ending import FAILED, OK, Problem
from research.cli.parameters import read_settings
from research.cli.printing import clean, describe_counts
from research.cli.shards import folders_named, gather, refuse_parts
from research.cli.studies import (
    TROUBLES,
    complete_study,
    place_named,
    storage_option,
    study_argument,
    study_folder,
    summarize,
)
from research.cli.values import split
from research.storage.places import FolderPlace


@click.command(
    short_help="Join studies that ran parts of one domain.",
    epilog="""\b
Examples:
  research merge part-0 part-1 --into all
  research merge part-* --into all --prefer last
  research merge digits-shards --into digits --whole
""",
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_study)
@click.option("--into", required=True, metavar="NEW", help="The folder of the merged study.")
@click.option(
    "--prefer",
    metavar="WHICH",
    help="The study that counts where two differ: its place in the list from 0, first or last.",
)
@click.option("--whole/--partial", help="Refuse shards of which one has not come to its end. Default: no.")
def merge(names: tuple[str, ...], into: str, prefer: str | None, whole: bool) -> int:
    """Join studies, which ran parts of one domain on several machines say, to one in a new folder. A NAME may
    be a folder that holds such, as those of `batch`.
    """
    from research.results.results import ResearchResults

    folders = folders_named(names)
    gathered = gather(folders)
    if whole:
        refuse_parts(gathered)
    which = int(prefer) if prefer is not None and prefer.isdecimal() else prefer
    logger, handler = logging.getLogger("research"), logging.StreamHandler()
    logger.addHandler(handler)  # it is told where parts were made by other code
    try:
        ResearchResults.merge(folders, into, which)
    finally:
        logger.removeHandler(handler)
    if gathered is not None and gathered.lack:
        click.echo(f"shards are missing: {gathered.lack}", err=True)
    click.echo(f"{into}: {describe_counts(summarize(FolderPlace(Path(into))).counts)}")
    return OK


@click.command(
    short_help="Copy a study as it is now.",
    epilog="""\b
Example:
  research snapshot digits
""",
)
@study_argument
@storage_option
def snapshot(name: str, storage: str | None) -> int:
    """Copy a study, which may be running, to a dated folder beside it, and print the name of that. One that
    is in a database becomes a folder, which all other commands take.
    """
    from research.storage.snapshots import take_snapshot

    path = take_snapshot(place_named(name, storage))
    parent = Path(name).parent
    click.echo(str(parent / path.name) if (parent / path.name).exists() else str(path))
    return OK


@click.command(
    short_help="Write experiments as job folders.",
    epilog="""\b
Examples:
  research export train.py
  research export train.py --machine slurm -o time=1:00:00 -o partition=gpu
  research export train.py -p lr=0.1,0.2 --templates jobs --into batch
""",
)
@click.argument("file", metavar="FILE[:NAME]")
@click.option("-p", "--parameters", multiple=True, metavar="P", help="As for `run`.")
@click.option("--name", help="The study's folder. Default: as the file says.")
@click.option("--templates", metavar="FOLDER", help="Its files go to each job, filled in.")
@click.option(
    "--machine", default="local", show_default=True, help="local, slurm, or a folder of a template."
)
@click.option("--into", metavar="FOLDER", help="Where the jobs go. Default: NAME-batch.")
@click.option("--seed", type=int, help="Of everything random.")
@click.option("--note", help="Kept with what is known of it.")
@click.option("-o", "--option", "more", multiple=True, metavar="NAME=VALUE", help="A setting of the machine.")
def export(
    file: str,
    parameters: tuple[str, ...],
    name: str | None,
    templates: str | None,
    machine: str,
    into: str | None,
    seed: int | None,
    note: str | None,
    more: tuple[str, ...],
) -> int:
    """Begin the study of a FILE, whose units are programs, and write its experiments as folders of jobs, for
    a machine without this library. `research import` brings the results back.
    """
    from research.cli.running import open_file

    settings = read_settings(more, "--option")
    with ExitStack() as stack:
        study, _ = open_file(stack, file, parameters)
        if name is not None:
            study.name = name
        path = study.export_batch(templates, machine, into, seed=seed, note=note, **settings)
    click.echo(f"{study.name}: {describe_counts(summarize(FolderPlace(Path(study.name))).counts)}")
    click.echo(f"run them by: sh {_typed(path)}/submit.sh; then: research import {_typed(path)}")
    return OK


@click.command(
    "import",
    short_help="Bring results of job folders, or of other programs.",
    epilog="""\b
Examples:
  research import digits-batch
  research import copied/digits-batch --into digits
  research import results --files conf.json --into svm --parameters kernel,C
""",
)
@click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False))
@click.option("--into", metavar="NAME", help="The study. Default: where it was, as seen from the batch.")
@click.option(
    "--files", "pattern", metavar="PATTERN", help="Results of any program: which files below FOLDER."
)
@click.option("--loader", help="json, yaml, toml, pickle or joblib. Default: by the suffix.")
@click.option("--keep", multiple=True, metavar="NAMES", help="What is kept of each file. Default: all.")
@click.option("--parameters", multiple=True, metavar="NAMES", help="What was set.")
@click.option("--variables", multiple=True, metavar="NAMES", help="What was found out.")
@click.option("--trusted", is_flag=True, help="Read pickles, which run the code of whoever wrote them.")
def import_(folder: str, into: str | None, pattern: str | None, trusted: bool, **how: Any) -> int:
    """Bring what the jobs of a batch in FOLDER have found out into their study; jobs that have not ended stay
    queued. With --files, make a study of what other programs have left below FOLDER, a dict in each file, or
    bring it what is new there.
    """
    from research.results.results import ResearchResults

    given: dict[str, Any] = {
        name: _names(value) if isinstance(value, tuple) else value for name, value in how.items() if value
    }
    if pattern is not None:
        if into is None:
            raise Problem("--files makes a study: say which, by --into NAME")
        results = ResearchResults.from_files(folder, pattern, name=into, trusted=trusted, **given)
    elif given or trusted:
        named = [f"--{name}" for name in ([*given] or ["trusted"])]
        raise Problem(f"{named[0]} is of results of other programs: say which files, by --files PATTERN")
    else:
        results = ResearchResults.import_batch(folder, into)
    counts = results.statuses_to_df()["status"].value_counts()
    found = {str(status): int(count) for status, count in counts.items()}
    click.echo(f"{results.study.name}: {describe_counts(found)}")
    return FAILED if any(found.get(status) for status in TROUBLES) else OK


def _names(given: tuple[str, ...]) -> list[str]:
    return [name.strip() for text in given for name in split(text)]


@click.command(
    short_help="Look for damage.",
    epilog="""\b
Example:
  research check digits || echo damaged
""",
)
@study_argument
def check(name: str) -> int:
    """Look at everything that a study keeps: its database, its values, and the folders of experiments.
    Nothing is changed. The status is 1 if there is a problem.
    """
    from research.checking import check_study

    report = check_study(study_folder(name))
    for line in str(report).splitlines():
        click.echo(clean(line))
    return OK if report.is_sound else FAILED


def _typed(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    cwd = Path.cwd()
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
