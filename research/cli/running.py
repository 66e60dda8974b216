"""`run`, `resume` and `stop`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from research.cli.ending import FAILED, INTERRUPTED, OK, Problem
from research.cli.parameters import HELP, read_settings, with_parameters
from research.cli.printing import describe_counts
from research.cli.studies import TROUBLES, place_named, storage_option, study_argument

if TYPE_CHECKING:
    from research.cli.holding import Held
    from research.research import Research

C = TypeVar("C", bound=Callable[..., Any])
_NOT_HERE = ("self", "executor_class", "dump_results", "resume", "dry_run", "name", "bar", "debug")

_OPTIONS = {
    "workers": click.option(
        "-w", "--workers", metavar="N", help="How many processes, or 'auto': as many as there is room for."
    ),
    "devices": click.option("--devices", metavar="LIST", help="GPUs for them, as 0,1."),
    "backend": click.option(
        "--backend", metavar="NAME", help="Where they are: processes (the default), dask or ray."
    ),
    "address": click.option("--address", help="Of the cluster. Default: one on this machine, for this run."),
    "resources": click.option(
        "--resources", metavar="LIST", help="What each has there, as GPU=1,CPU=2,memory=8GB."
    ),
    "dry_run": click.option("--dry-run", is_flag=True, help="Only say what would be run."),
    "retry_failed": click.option("--retry-failed", is_flag=True, help="Also run again what failed."),
    "code_changed": click.option(
        "--code-changed",
        type=click.Choice(["keep", "rerun"]),
        help="What becomes of results that were made by other code.",
    ),
    "seed": click.option(
        "--seed",
        type=int,
        help="Of everything random. Default: a new one, or the study's.",
    ),
    "n_iters": click.option("--n-iters", type=click.IntRange(min=1), help="Iterations of each experiment."),
    "detach": click.option("--detach", is_flag=True, help="Return at once; the study runs by itself."),
    "no_parallel": click.option("--no-parallel", is_flag=True, help="Run everything in this process."),
    "note": click.option("--note", help="Kept with what is known of this run."),
    "snapshot": click.option("--snapshot", is_flag=True, help="Copy a study that is gone on with before."),
    "shard": click.option("--shard", metavar="K/N", help="Only part K of N, from 0, as 0/4; see `batch`."),
    "storage": storage_option,
    "quiet": click.option("-q", "--quiet", is_flag=True, help="No progress bar, no last line."),
    "more": click.option(
        "-o",
        "--option",
        "more",
        multiple=True,
        metavar="NAME=VALUE",
        help="Any other argument of Research.run, as timeout=60.",
    ),
}


def options_of_run(*names: str) -> Callable[[C], C]:
    """Give a command options of `run`. Default: all of them."""

    def give(function: C) -> C:
        for name in reversed(names or tuple(_OPTIONS)):
            function = _OPTIONS[name](function)
        return function

    return give


@click.command(
    short_help="Run the study of a Python file.",
    epilog=f"""{HELP}
\b
Examples:
  research run digits.py
  research run digits.py:study --workers 4 --seed 1
  research run digits.py -p C=0.1,1 -p gamma+=0.01 --dry-run
  research run train.py:fit -p configs.py --name first
""",
)
@click.argument("file", metavar="FILE[:NAME]")
@click.option(
    "-p", "--parameters", multiple=True, metavar="P", help="Parameters, see below. Can be repeated."
)
@click.option(
    "--name", help="The study's folder. Default: as the file says; of a sweep, the function's name."
)
@click.option("--resume", is_flag=True, help="Go on with a study that is there, else begin it.")
@options_of_run()
def run(file: str, parameters: tuple[str, ...], name: str | None, resume: bool, **options: Any) -> int:
    """Run the study that a Python FILE holds: a Research; or one of its functions, for each config of its
    Domain.

    The file is loaded as by `python FILE`, but for what is under `if __name__ == "__main__":`. Where it runs
    a study without such a guard, the command takes over, with the arguments given there as defaults. Where it
    holds several, NAME says which; a function without arguments is called for the study that it runs or
    returns. A sweep goes on with what is in its folder; another study does with --resume.
    """
    with ExitStack() as stack:
        study, held = open_file(stack, file, parameters)
        if options["storage"] is not None:
            from research.storage.servers import read_storage

            study.storage = read_storage(options["storage"])
        given = {**held.arguments, **arguments_of_run(options)}
        if resume or held.is_sweep:
            given["resume"] = True
        if name is not None:
            given["name"] = name
        return _run(study, str(given.get("name", study.name)), given, options["quiet"])


@click.command(
    short_help="Go on with a study.",
    epilog="""\b
Examples:
  research resume digits --workers 8
  research resume digits --retry-failed --dry-run
""",
)
@study_argument
@options_of_run()
def resume(name: str, **options: Any) -> int:
    """Go on with a study, by the definition that is kept in its folder: run what it has not done.

    The definition is code, which is run; so do this with studies that you trust.
    """
    from research.cli.scripts import program_of
    from research.research import Research

    place, storage = place_named(name, options["storage"]), options["storage"]
    with program_of(place.folder) if storage is None else nullcontext():
        given = {"resume": True, **arguments_of_run(options)}
        return _run(Research.load(name, storage), name, given, options["quiet"])


@click.command(
    short_help="End a study that runs.",
    epilog="""\b
Example:
  research stop digits
""",
)
@study_argument
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Seconds before it is killed.",
)
@storage_option
def stop(name: str, grace: float, storage: str | None) -> int:
    """End the processes of a study that runs on this machine, in order: all that was done is kept."""
    from research.watching import terminate

    was_running = terminate(place_named(name, storage), grace)
    click.echo(f"{name}: {'stopped' if was_running else 'no process is running it'}")
    return OK


def open_file(stack: ExitStack, text: str, parameters: tuple[str, ...]) -> tuple[Research, Held]:
    """Return the study of a file, with other parameters; and what the file holds.

    Parameters
    ----------
    stack : ExitStack
        The file is the program until this is closed.
    text : str
        FILE or FILE:NAME.
    parameters : tuple of str
    """
    from research.cli.holding import look
    from research.cli.scripts import script

    path, wanted = split_file(text)
    held = look(stack.enter_context(script(path)), wanted)
    return held.over(with_parameters(held.domain, parameters)), held


def split_file(text: str) -> tuple[Path, str | None]:
    """Return the file and what of it is wanted, of `FILE:NAME`.

    Raises
    ------
    Problem
        If there is no such file.
    """
    path, _, wanted = text.rpartition(":")
    if not path or Path(text).is_file():
        path, wanted = text, ""
    if not Path(path).is_file():
        from research.errors import did_you_mean

        parent = Path(path).parent
        near = [str(item) for item in parent.glob("*.py")] if parent.is_dir() else []
        what = "is a folder" if Path(path).is_dir() else "does not exist"
        hint = ""
        if (Path(path) / "research.db").is_file():
            hint = f"; the study in it is gone on with by: research resume {path}"
        raise Problem(f"the file {path!r} {what}{hint or did_you_mean(path, near)}")
    return Path(path), wanted or None


def arguments_of_run(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as arguments of `Research.run`; those that were not given are left out."""
    options = {**dict.fromkeys(_OPTIONS), "more": (), **options}
    from research.research import Research

    names = ("code_changed", "seed", "n_iters", "note", "backend", "address")
    flags = ("dry_run", "retry_failed", "detach", "snapshot")
    given = {name: options[name] for name in names if options[name] is not None}
    given |= {name: True for name in flags if options[name]}
    if options["workers"] is not None:
        given["workers"] = read_workers(str(options["workers"]))
    if options["resources"] is not None:
        given["resources"] = read_settings(options["resources"].split(","), "--resources")
    if options["devices"] is not None:
        given["devices"] = read_devices(options["devices"])
    if options["shard"] is not None:
        given["shard"] = read_shard(options["shard"])
    if options["no_parallel"]:
        given["parallel"] = False
    known = [name for name in inspect.signature(Research.run).parameters if name not in _NOT_HERE]
    given |= read_settings(options["more"], "--option", known)
    # a bar is for who looks on: a file would get each of its states
    return {"bar": sys.stderr.isatty() and not options["quiet"], **given}


def read_workers(text: str) -> int | str:
    """Return how many workers are meant.

    Examples
    --------
    >>> read_workers('4'), read_workers('auto')
    (4, 'auto')
    """
    if text != "auto" and not (text.isdecimal() and int(text)):
        raise Problem(f"--workers must be a positive number or 'auto', got {text!r}")
    return text if text == "auto" else int(text)


def read_devices(text: str) -> list[int | str]:
    """Return devices by their numbers, or names.

    Examples
    --------
    >>> read_devices('0,1'), read_devices('GPU-5a1c')
    ([0, 1], ['GPU-5a1c'])
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise Problem(f"--devices must be numbers or names with commas between them, got {text!r}")
    return [int(part) if part.isdecimal() else part for part in parts]


def read_shard(text: str) -> tuple[int, int]:
    """Return the part that is meant.

    Examples
    --------
    >>> read_shard('0/4')
    (0, 4)
    """
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal()):
        raise Problem(f"--shard must be a part of so many, as 0/4, got {text!r}")
    return int(number), int(total)


def _run(study: Research, name: str, given: dict[str, Any], is_quiet: bool) -> int:
    """Run a study; say what came of it, or how to go on."""
    part = "" if given.get("shard") is None else " --shard {}/{}".format(*given["shard"])
    try:
        study.run(**given)
    except (KeyboardInterrupt, SystemExit) as error:
        if study.is_kept:
            click.echo(f"{name}: go on with it by: research resume {name}{part}", err=True)
        if isinstance(error, SystemExit):  # SIGTERM, or the terminal is gone
            raise
        sys.exit(INTERRUPTED)
    if given.get("dry_run"):
        return OK
    if given.get("detach"):
        click.echo(f"{name}: it runs by itself; see: research show {name}; end it by: research stop {name}")
        return OK
    counts = study.monitor.counts
    has_failed = any(counts.get(status) for status in TROUBLES)
    if not is_quiet:
        click.echo(f"{name}: {describe_counts(counts)}")
    if has_failed:
        click.echo(f"{name}: research failures {name} tells what went wrong", err=True)
    return FAILED if has_failed else OK
