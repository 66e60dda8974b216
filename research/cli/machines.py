"""Batch systems: how each wants to be asked, and the templates of scripts for them."""

from __future__ import annotations

import re
import shlex
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from research.cli.ending import Problem
from research.errors import did_you_mean

_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", re.IGNORECASE)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_BYTES = {"K": 1, "M": 2**10, "G": 2**20, "T": 2**30}  # in kibibytes

OPTIONS = {  # fields of templates that are given by an option
    "time": "--time",
    "memory": "--mem",
    "cpus": "--cpus",
    "gpus": "--gpus",
    "queue": "--queue",
    "account": "--account",
    "parallel": "--parallel",
    "directives": "--line",
    "lines": "--line",
}
FIELDS = (*OPTIONS, "shards", "last", "array", "at_once", "name", "job", "script", "output", "select")
FIELDS = (*FIELDS, "directory", "command")


class _Template(string.Template):
    """Fields are written as {{ name }}, as in other templates of this library; `$` is the shell's."""

    pattern = r"""
        \{\{\s*(?P<named>\w+)\s*\}\} | (?P<braced>(?!)) | (?P<escaped>(?!)) | (?P<invalid>(?!))
    """  # type: ignore[assignment]


@dataclass(frozen=True)
class Machine:
    """A batch system.

    Attributes
    ----------
    first : int
        The number of an array's first task.
    prefix : str
        With which lines of a script begin that it reads; empty if there are none.
    output : str
        What a task's file of output is called.
    submit, merge : str
        Commands that submit the array, and what is to be run after it.
    clock : callable
        Writes a time in seconds.
    size : callable
        Writes an amount of memory in kibibytes, of so many cpus.
    parts : dict of str to tuple of str
        Fields that are made of others.
    """

    first: int
    prefix: str
    output: str
    submit: str
    merge: str
    clock: Callable[[int], str]
    size: Callable[[int, int], str]
    parts: Mapping[str, tuple[str, ...]]


def _clock(seconds: int) -> str:
    """Write a time as hours, minutes and seconds.

    Examples
    --------
    >>> _clock(5400), _clock(90000)
    ('01:30:00', '25:00:00')
    """
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _memory(kibibytes: int, unit: str) -> str:
    """Write an amount of memory in mebibytes, or gibibytes where that is a whole number.

    Examples
    --------
    >>> _memory(2**21, 'b'), _memory(1536 * 2**10, '')
    ('2gb', '1536m')
    """
    number, rest = divmod(kibibytes, 2**20)
    return f"{-(-kibibytes // 2**10)}m{unit}" if rest or not number else f"{number}g{unit}"


_AT_ONCE = {"at_once": ("parallel",)}
MACHINES = {
    "slurm": Machine(
        0,
        "#SBATCH",
        "%a.out",
        "sbatch {script}",
        "sbatch --job-name={job} --dependency=singleton {merge}",
        _clock,
        lambda size, cpus: _memory(size, "").upper(),
        _AT_ONCE,
    ),
    "pbs": Machine(
        0,
        "#PBS",
        "^array_index^.out",
        "qsub {script}",
        "qsub -W depend=afterany:ID {merge}",
        _clock,
        lambda size, cpus: _memory(size, "b"),
        {**_AT_ONCE, "select": ("cpus", "memory", "gpus")},
    ),
    "sge": Machine(
        1,
        "#$",
        "$TASK_ID.out",
        "qsub {script}",
        "qsub -hold_jid {job} {merge}",
        _clock,
        lambda size, cpus: _memory(-(-size // cpus), "").upper(),  # it is asked for each cpu
        {},
    ),
    "lsf": Machine(
        1,
        "#BSUB",
        "%I.out",
        "bsub < {script}",
        "bsub -w 'ended({job})' < {merge}",
        lambda seconds: _clock(seconds + 59)[:-3],
        lambda size, cpus: _memory(size, "b").upper(),
        _AT_ONCE,
    ),
    "local": Machine(
        0,
        "",
        "",
        "sh {script}",
        "sh {merge}",
        _clock,
        lambda size, cpus: _memory(size, ""),
        {"command": ("cpus", "gpus")},  # as workers and devices
    ),
}


def machine_named(name: str) -> Machine:
    """Return what is known of a batch system.

    Raises
    ------
    Problem
        If it is unknown.
    """
    if name not in MACHINES:
        hint = did_you_mean(name, MACHINES)
        raise Problem(f"there is no machine {name!r}{hint}; for others, edit a script: --template FILE")
    return MACHINES[name]


def template_of(machine: str) -> str:
    """Return the template of a batch system; 'merge' is the script that joins shards."""
    from importlib.resources import files

    return files("research.cli").joinpath("templates", f"{machine}.sh").read_text("utf-8")


def seconds_of(text: str) -> int:
    """Return a wall time in seconds.

    Raises
    ------
    Problem
        If it might mean several things, as 2:00 does.

    Examples
    --------
    >>> [seconds_of(text) for text in ('1:30:00', '1-12:00:00', '90m', '1h 30m')]
    [5400, 129600, 5400, 5400]
    """
    given = _TIME.fullmatch(text.strip())
    if given is not None:
        days, *others = (int(part or 0) for part in given.groups())
        found = ((days * 24 + others[0]) * 60 + others[1]) * 60 + others[2]
    else:
        spans = _SPAN.findall(text)
        is_all = not _SPAN.sub("", text).strip()
        found = round(sum(float(number) * _SECONDS[unit] for number, unit in spans)) if is_all else 0
    if not found:
        raise Problem(
            f"--time must be hours:minutes:seconds, as 2:00:00 or 1-12:00:00, or 90m or 2h, got {text!r}"
        )
    return found


def kibibytes_of(text: str) -> int:
    """Return an amount of memory in kibibytes.

    Raises
    ------
    Problem
        If it has no unit.

    Examples
    --------
    >>> kibibytes_of('1.5G') == kibibytes_of('1536M') == 1536 * 1024
    True
    """
    given = _MEMORY.fullmatch(text.strip())
    size = 0 if given is None else round(float(given[1]) * _BYTES[given[2].upper()])
    if not size:
        raise Problem(f"--mem must be a number with a unit, as 500M or 8G, got {text!r}")
    return size


def fill(text: str, values: Mapping[str, Any]) -> str:
    r"""Return a script: a template with values in it, less lines that are about what was not given.

    Parameters
    ----------
    text : str
    values : Mapping
        None: not given.

    Examples
    --------
    >>> fill('#PBS -N {{ job }}\n#PBS -q {{queue}}\nexec true', {'job': 'digits', 'queue': None})
    '#PBS -N digits\nexec true'
    """
    lines = []
    for line in text.split("\n"):
        names = _Template(line).get_identifiers()
        if all(values.get(name) is not None for name in names):
            lines.append(_Template(line).substitute(values) if names else line)
    return "\n".join(lines)


def fields_of(text: str) -> list[str]:
    """Return the names of a template's fields."""
    return _Template(text).get_identifiers()


def check_template(text: str, file: str) -> None:
    """Refuse a template that cannot be one.

    Raises
    ------
    Problem
        Says what it lacks, or has.
    """
    fields = fields_of(text)
    for name in fields:
        if name not in FIELDS:
            raise Problem(f"the template {file!r} has an unknown field {name!r}{did_you_mean(name, FIELDS)}")
    show = "see: research batch --show-template slurm"
    if "command" not in fields:
        raise Problem(
            f"the template {file!r} must have a line with {{{{ command }}}}, which runs a shard; {show}"
        )
    if not {"array", "last", "shards"} & {*fields}:
        raise Problem(
            f"the template {file!r} must say how many tasks there are, by {{{{ array }}}}, as 0-99, "
            f"{{{{ last }}}} or {{{{ shards }}}}; {show}"
        )
    if not re.search(r"\bshard=", text):
        raise Problem(
            f"the template {file!r} must set the variable `shard`, to the number of a task from 0, as by "
            f"shard=$SLURM_ARRAY_TASK_ID; {show}"
        )


def left_out(text: str, machine: Machine, given: Mapping[str, Any]) -> list[str]:
    """Return options that were given, and of which a template makes no use."""
    fields = {*fields_of(text)}
    fields |= {part for name in fields for part in machine.parts.get(name, ())}
    found = [OPTIONS[name] for name, value in given.items() if value is not None and name not in fields]
    return list(dict.fromkeys(found))


def quoted_output(machine: Machine, folder: str) -> str:
    """Return the name of files of output, as it is written in a line that the batch system reads."""
    if machine.prefix == "#SBATCH":
        folder = folder.replace("%", "%%")
    path = f"{folder}/{machine.output}"
    if re.fullmatch(r"[\w@%+=:,./^$-]+", path):
        return path
    return shlex.quote(path) if '"' in path else f'"{path}"'
