"""Python files that hold a study: run as scripts, but for the run itself."""

from __future__ import annotations

import ast
import inspect
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from research.cli.ending import Problem
from research.cli.studies import runs_of
from research.errors import ParametersError
from research.storage.places import FolderPlace

if TYPE_CHECKING:
    from research.research import Research


class Run(NamedTuple):
    """What a file was about to run as it was loaded, and by which arguments."""

    study: Research
    arguments: dict[str, Any]


class Script(NamedTuple):
    """A file that has been loaded: what is in it, and the run at which it was stopped, if it came to one."""

    path: Path
    names: Mapping[str, Any]
    run: Run | None


class _Reached(BaseException):
    """The file has called `run`; whatever it catches, it does not catch this."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run


@contextmanager
def script(path: Path) -> Iterator[Script]:
    """Run a file as `python FILE` would, less what it guards by its name, and be that program meanwhile.

    So functions are those of a script here, too: they have the same identity, go to other processes by value,
    and a study that was begun by the script is gone on with by the command, and the reverse. Where it runs a
    study without a guard, it is left at that point: the command does it in its place, in its own way.

    Parameters
    ----------
    path : Path

    Raises
    ------
    Problem
        If it cannot be run.
    """
    place = path.absolute()
    main = ModuleType("__main__")
    main.__file__ = str(place)
    before = sys.modules["__main__"], sys.argv, sys.path
    sys.modules["__main__"] = main
    sys.argv, sys.path = [str(path)], [str(place.parent), *sys.path]
    try:
        run = _execute(place, main)
        yield Script(path, vars(main), run)
    finally:
        sys.modules["__main__"], sys.argv, sys.path = before


@contextmanager
def program_of(folder: Path) -> Iterator[None]:
    """Be called as the program that began a study, and import from where it did.

    By that name the functions of a script are the same when they are part of configs. The script is not run:
    what is its own comes with the study's definition.
    """
    found = _program(folder)
    before = sys.modules["__main__"], sys.path
    if found is not None:
        name, place = found
        main = sys.modules["__main__"] = ModuleType("__main__")
        main.__spec__ = ModuleSpec(name, None)
        sys.path = [place, *sys.path]
    try:
        yield
    finally:
        sys.modules["__main__"], sys.path = before


def _program(folder: Path) -> tuple[str, str] | None:
    """Return the name that the first script of a study has in identities, and the folder it imported from."""
    for script, command, directory in runs_of(FolderPlace(folder)):
        module = _module_of(command or "")
        if module is not None and module != "research":
            return module.removesuffix(".__main__"), directory or ""
        if script:
            return Path(script).stem, str(Path(script).parent)
    return None


def _module_of(command: str) -> str | None:
    """Return the module that a command line runs by `python -m`, None if it does not."""
    try:
        words = iter(shlex.split(command)[1:])
    except ValueError:  # it was cut
        return None
    for word in words:
        if word == "-m":
            return next(words, None)
        if word in ("-W", "-X"):
            next(words, None)
        elif not word.startswith("-") or word in ("-", "-c"):
            return None
    return None


def _execute(place: Path, main: ModuleType) -> Run | None:
    try:
        tree = _Unguarded().visit(ast.parse(place.read_bytes(), str(place)))
        code = compile(tree, str(place), "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        raise Problem(f"{place.name} cannot be run: {error}") from error
    found = until_it_runs(place, f"{place.name} cannot be run", lambda: exec(code, vars(main)))  # noqa: S102
    return found if isinstance(found, Run) else None


def until_it_runs(path: Path, what: str, work: Callable[[], Any]) -> Any:
    """Do something of a user's file, until it runs a study; return that run, else what comes of it.

    Raises
    ------
    Problem
        If it raises an exception; `what` is said before its traceback.
    """
    with _nothing_runs():
        try:
            return work()
        except _Reached as reached:
            return reached.run
        except (Problem, ParametersError):
            raise
        except (Exception, SystemExit) as error:  # it is the user's code
            raise Problem(f"{what}:\n{_user_traceback(error, path.absolute())}") from error


class _Unguarded(ast.NodeTransformer):
    """Leaves out what a file does only if it is run as a program."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Module):
            node.body = [self._other(item) for item in node.body]
        return node

    def _other(self, node: ast.stmt) -> ast.stmt:
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
            return node
        sides = [node.test.left, *node.test.comparators]
        names = {side.id for side in sides if isinstance(side, ast.Name)}
        values = {side.value for side in sides if isinstance(side, ast.Constant)}
        if names != {"__name__"} or values != {"__main__"} or not isinstance(node.test.ops[0], ast.Eq):
            return node
        never = ast.copy_location(ast.Constant(False), node.test)  # lines and `else` stay
        return ast.copy_location(ast.If(never, node.body, node.orelse), node)


@contextmanager
def _nothing_runs() -> Iterator[None]:
    """Let a file that is loaded stop where it would run a study, heedless of the command."""
    from research.research import Research

    usual = Research.run
    signature = inspect.signature(usual)

    def reach(*args: Any, **kwargs: Any) -> Any:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
        raise _Reached(Run(arguments.pop("self"), arguments))

    Research.run = reach  # type: ignore[method-assign]
    try:
        yield
    finally:
        Research.run = usual  # type: ignore[method-assign]


def _user_traceback(error: BaseException, place: Path) -> str:
    """Return the traceback of an error from the user's file on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(place):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
