"""`batch`: the script by which a batch system runs a study in shards."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from research.cli.ending import OK, Problem
from research.cli.machines import (
    MACHINES,
    Machine,
    check_template,
    fill,
    kibibytes_of,
    left_out,
    machine_named,
    quoted_output,
    seconds_of,
    template_of,
)
from research.cli.parameters import HELP
from research.cli.running import arguments_of_run, open_file, options_of_run, read_workers
from research.cli.shards import MERGE, gather, inside

if TYPE_CHECKING:
    from research.research import Research

_RUN = ("workers", "devices", "retry_failed", "code_changed", "seed", "n_iters", "no_parallel", "note")
_MOST_CHECKED = 100_000  # experiments that are walked to see that a study can be run
_INDENT = " \\\n    "


class _Plan(NamedTuple):
    """What is to be run in shards."""

    study: Research
    name: str
    size: int
    n_shards: int
    seed: int | None  # that each of them is to be given


def _show_template(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        machine_named(value)
        click.echo(template_of(value), nl=False)
        ctx.exit()


@click.command(
    short_help="Write the script that runs a study as an array of jobs.",
    epilog=f"""{HELP}
\b
Examples:
  research batch digits.py --shards 100 --machine slurm --time 2:00:00 --cpus 4
  research batch digits.py --shards 4                 a script for this machine
  research batch digits.py --shards 8 --machine sge --line 'module load cuda'
  research batch --show-template slurm > mine.sh
  research batch digits.py --shards 100 --machine slurm --template mine.sh
""",
)
@click.argument("file", metavar="FILE[:NAME]")
@click.option("--shards", type=int, required=True, metavar="N", help="Into how many parts it is cut.")
@click.option("--machine", default="local", show_default=True, help=f"{', '.join(MACHINES)}.")
@click.option("-p", "--parameters", multiple=True, metavar="P", help="As for `run`.")
@click.option("--name", help="The study that comes of it. Default: as for `run`.")
@click.option("--into", metavar="FOLDER", help="Where shards and scripts go. Default: NAME-shards.")
@click.option("--script", metavar="FILE", help="Where the script goes. Default: FOLDER/submit.sh.")
@click.option("--force", is_flag=True, help="Write over scripts that are there.")
@click.option("--time", metavar="TIME", help="How long a shard may take, as 2:00:00 or 90m.")
@click.option("--mem", "memory", metavar="SIZE", help="Memory of a shard, as 8G.")
@click.option("--cpus", type=click.IntRange(min=1), help="Of a shard. Default: one for each worker.")
@click.option("--gpus", type=click.IntRange(min=1), help="Of a shard, dealt to its workers.")
@click.option("--queue", "--partition", "queue", metavar="NAME", help="The queue, or partition.")
@click.option("--account", metavar="NAME", help="Or project, that pays.")
@click.option("-P", "--parallel", type=click.IntRange(min=1), help="How many shards may run at once.")
@click.option(
    "--line", "more_lines", multiple=True, help="A line more, as 'module load cuda' or '#SBATCH …'."
)
@click.option("--template", metavar="FILE", help="A template of your own, for that machine.")
@click.option(
    "--show-template",
    metavar="MACHINE",
    is_eager=True,
    expose_value=False,
    callback=_show_template,
    help="Print the template for a machine, and exit.",
)
@options_of_run(*_RUN, "storage", "more")
def batch(
    file: str,
    shards: int,
    machine: str,
    parameters: tuple[str, ...],
    name: str | None,
    into: str | None,
    script: str | None,
    force: bool,
    more_lines: tuple[str, ...],
    template: str | None,
    **options: Any,
) -> int:
    """Write the script by which a batch system runs the study of a FILE in shards, each in a folder of its
    own, and another that joins these. Nothing is run, and nothing submitted.

    A task that is run again goes on with its shard. Without --workers a shard has as many workers as --cpus.
    Options of `run` are handed on.
    """
    system = machine_named(machine)
    text, source = _template(machine, template)
    check_template(text, source)
    _check_shards(shards, machine)
    asked = {
        key: options.pop(key) for key in ("time", "memory", "cpus", "gpus", "queue", "account", "parallel")
    }
    workers = None if options["workers"] is None else read_workers(options["workers"])
    options["workers"] = workers or asked["cpus"]
    asked["cpus"] = asked["cpus"] or (None if workers == "auto" else workers)
    fields = _fields(system, asked, more_lines)
    if options["storage"] is not None:
        _server(options["storage"])  # refused before anybody connects
    with ExitStack() as stack:
        plan, folder = _plan(stack, file, parameters, name, shards, into, options)
    storage = options["storage"]
    submit = Path(script) if script is not None else folder / "submit.sh"
    join = folder / MERGE
    words = [file, *(word for item in parameters for word in ("-p", item))]
    command = _run_command(words, plan, folder, options, asked["gpus"])
    about = _about(system, plan, folder, submit)
    filled = fill(text, {**fields, **about, "command": command})
    written = {submit: filled}
    if storage is None:
        merge_words = [*_program(), "merge", str(folder), "--into", plan.name, "--whole"]
        given = {**fields, **about, "script": shlex.quote(str(join)), "command": shlex.join(merge_words)}
        written[join] = fill(template_of("merge"), given)
    _write(written, force)
    if system.prefix:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    unused = left_out(text, system, {**asked, **{key: fields[key] for key in ("directives", "lines")}})
    if unused:
        click.echo(f"the template {source!r} makes no use of {', '.join(unused)}", err=True)
    _tell(system, plan, folder, submit, None if storage is None else storage, str(about["job"]))
    return OK


def _template(machine: str, file: str | None) -> tuple[str, str]:
    """Return a template, and what it is called."""
    if file is None:
        return template_of(machine), machine
    path = Path(file)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        way = f"begin with: research batch --show-template {machine} > {shlex.quote(file)}"
        raise Problem(f"the template {file!r} {what}; {way}")
    try:
        return path.read_text("utf-8"), file
    except UnicodeDecodeError as error:
        raise Problem(f"the template {file!r} is no text: {error}") from error


def _check_shards(shards: int, machine: str) -> None:
    from research.storage.presence import MOST_SHARDS

    if not 1 <= shards <= MOST_SHARDS:
        raise Problem(f"--shards must be 1 to {MOST_SHARDS}, as 100 for so many tasks, got {shards}")
    if machine == "pbs" and shards == 1:
        raise Problem(
            "--shards must be at least 2 on PBS, whose arrays have no fewer tasks, got 1: "
            "a job that runs all of it runs `research run`"
        )


def _fields(system: Machine, asked: dict[str, Any], lines: tuple[str, ...]) -> dict[str, Any]:
    """Return what goes into a template, as the batch system writes it."""
    directives, others = [], []
    for line in lines:
        prefix = line.split(maxsplit=1)[0] if line.strip() else ""
        if prefix == system.prefix:
            directives.append(line.strip())
        elif prefix in {other.prefix for other in MACHINES.values()}:
            click.echo(f"--line {line!r} is for another batch system, and left out", err=True)
        else:
            others.append(line)
    cpus, gpus = asked["cpus"], asked["gpus"]
    memory = None if asked["memory"] is None else system.size(kibibytes_of(asked["memory"]), cpus or 1)
    chunk = [("ncpus", cpus), ("mem", memory), ("ngpus", gpus)]
    select = "".join(f":{name}={value}" for name, value in chunk if value is not None)
    for option in ("queue", "account"):
        if asked[option] is not None and not re.fullmatch(r"[\w@.,:+-]+", asked[option]):
            raise Problem(f"--{option} must be a name, got {asked[option]!r}")
    parallel = asked["parallel"]
    return {
        **asked,
        "time": None if asked["time"] is None else system.clock(seconds_of(asked["time"])),
        "memory": memory,
        "parallel": parallel if system.prefix else parallel or 1,
        "select": f"1{select}" if select else None,
        "at_once": "" if parallel is None else f"%{parallel}",
        "directives": "\n".join(directives) or None,
        "lines": "\n".join(others) or None,
    }


def _plan(
    stack: ExitStack,
    file: str,
    parameters: tuple[str, ...],
    name: str | None,
    n_shards: int,
    into: str | None,
    options: dict[str, Any],
) -> tuple[_Plan, Path]:
    """Look at a study, and see that it can be run in shards; return it, and the folder of these."""
    from research.sharding import check_walk
    from research.storage.presence import Shard
    from samplers import make_seed

    study, held = open_file(stack, file, parameters)
    given = {**held.arguments, **arguments_of_run(options), "bar": False}
    name = str(name or given.pop("name", None) or study.name)
    given.pop("name", None)
    if options["storage"] is not None:
        study.storage = _server(options["storage"])
    folder = Path(into if into is not None else f"{name}-shards")
    for what in (name, str(folder), str(Path.cwd()), file):
        if not what.isprintable():
            raise Problem(f"{what!r} holds what is no letter: a script cannot name it")
    known = None if options["storage"] is not None else _known(folder, n_shards)
    if given.get("seed") is None and options["storage"] is None:
        given["seed"] = make_seed() if known is None else known
    elif known is not None and make_seed(given["seed"]) != known:
        raise Problem(
            f"--seed must be {known}, that of the shards in {str(folder)!r}, or left out, got "
            f"{given['seed']}: give others another folder, by --into"
        )
    walk = study.domain.walk(study.n_configs, study.n_reps, study.repeat_each, given.get("seed") or 0)
    check_walk(Shard(0, max(n_shards, 2)), walk.size, bool(study._all_updates()))
    size = walk.size or 0
    if n_shards > size:
        raise Problem(f"--shards must be at most {size}, as there are {size} experiments, got {n_shards}")
    first = name if options["storage"] is not None else str(folder / _number(0, n_shards))
    if size <= _MOST_CHECKED:
        with redirect_stdout(io.StringIO()):  # better here than in a hundred tasks
            study.run(**{**given, "name": first, "resume": True, "shard": (0, n_shards), "dry_run": True})
    seed = given["seed"] if options["storage"] is None else options["seed"]
    return _Plan(study, name, size, n_shards, None if seed is None else make_seed(seed)), folder


def _server(url: str) -> Any:
    """Return the database that shards are to be run in."""
    from research.storage.servers import Server, read_storage

    server = read_storage(url)
    if not isinstance(server, Server):
        raise Problem(
            f"--storage must be the URL of a PostgreSQL database, got {url!r}: of a file, one process at a "
            "time runs a study; without --storage each shard has a folder"
        )
    if server.hide(url) != url:
        raise Problem(
            "--storage must be a URL without a password, which would stand in the script: "
            "~/.pgpass is where PostgreSQL looks for it"
        )
    return server


def _known(folder: Path, n_shards: int) -> int | None:
    """Return the seed of shards that are there already; None if there are none."""
    found = inside(str(folder))
    if not found:
        return None
    gathered = gather(found)
    if gathered is None or gathered.total != n_shards:
        what = "other studies" if gathered is None else f"shards of {gathered.total}, and not of {n_shards}"
        raise Problem(f"{str(folder)!r} holds {what}: give another folder, by --into")
    return int(next(iter(gathered.folders.values())).seed)


def _number(number: int, total: int) -> str:
    """Return the name of a shard's folder: in the order of names they are in that of numbers."""
    return f"{number:0{len(str(total - 1))}}"


def _program() -> list[str]:
    return [sys.executable, "-m", "research"]


def _run_command(
    words: list[str], plan: _Plan, folder: Path, options: dict[str, Any], gpus: int | None
) -> str:
    """Return the command that runs a shard, whose number is in the shell's `shard`."""
    total, storage = plan.n_shards, options["storage"]
    width = len(str(total - 1))
    number = '"$shard"' if width == 1 else f'"$(printf %0{width}d "$shard")"'
    own = f"{shlex.quote(str(folder))}/{number}" if storage is None else shlex.quote(plan.name)
    parts = [
        shlex.join([*_program(), "run", *words]),
        f'--name {own} --shard "$shard"/{total} --resume',
    ]
    if storage is not None:
        parts.append(f"--storage {shlex.quote(storage)}")
    handed: list[str] = []
    for key in _RUN:
        value = plan.seed if key == "seed" else options[key]
        flag = f"--{key.replace('_', '-')}"
        if value is True:
            handed.append(flag)
        elif value is not None and value is not False:
            handed += [flag, str(value)]
    handed += [word for item in options["more"] for word in ("-o", item)]
    if handed:
        parts.append(shlex.join(handed))
    if gpus is not None and options["devices"] is None:
        parts.append('${CUDA_VISIBLE_DEVICES:+--devices "$CUDA_VISIBLE_DEVICES"}')
    return _INDENT.join(parts)


def _about(system: Machine, plan: _Plan, folder: Path, submit: Path) -> dict[str, Any]:
    job = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(plan.name).name)
    directory = Path.cwd()
    last = system.first + plan.n_shards - 1
    return {
        "shards": plan.n_shards,
        "last": plan.n_shards - 1,
        "array": f"{system.first}-{last}",
        "name": plan.name,
        "job": job if job[:1].isalpha() else f"r-{job}",  # some want a letter first
        "script": shlex.quote(str(submit)),
        "output": quoted_output(system, os.path.normpath(directory / folder / "logs")),
        "directory": shlex.quote(str(directory)),
    }


def _write(files: dict[Path, str], force: bool) -> None:
    for path in files:
        if os.path.lexists(path) and not force:
            raise Problem(
                f"{str(path)!r} exists already: --force writes over it, --script and --into write elsewhere"
            )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text, "utf-8")
        temporary.chmod(0o755)
        temporary.replace(path)


def _tell(system: Machine, plan: _Plan, folder: Path, submit: Path, storage: str | None, job: str) -> None:
    """Say what was written, and what to do next."""
    at = shlex.quote(str(folder))
    named = {"script": shlex.quote(str(submit)), "merge": f"{at}/{MERGE}", "job": job}
    name = shlex.quote(plan.name)
    where = "" if storage is None else f" --storage {shlex.quote(storage)}"
    click.echo(f"{plan.name}: {plan.n_shards} shards of {plan.size} experiments are run by {submit}")
    click.echo(f"  submit  {system.submit.format(**named)}")
    click.echo(f"  look    {'research show ' + at if storage is None else 'research ls' + where}")
    if storage is None:
        click.echo(f"  merge   sh {at}/{MERGE}")
        if system.prefix:
            click.echo(f"    or    {system.merge.format(**named)}")
    click.echo(f"  then    research results {name}{where}")
