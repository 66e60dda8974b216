"""What a function does, as a text that is the same wherever and however it was written down."""

from __future__ import annotations

import ast
import dis
import linecache
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from research.beginnings import time_of_start

JSON = Any  # what json.dumps takes

_WITH_CONSTANT = frozenset(dis.hasconst)
_EXTENDED = dis.opmap["EXTENDED_ARG"]
_CACHE = dis.opmap.get("CACHE", 0)
_GLOBAL, _NAME = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_NAME"]
_IMPORT, _SMALL = dis.opmap["IMPORT_NAME"], dis.opmap.get("LOAD_SMALL_INT")
_ATTRIBUTES = {dis.opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in dis.opmap}
_SHIFT = int(sys.version_info >= (3, 12))  # in numbers of names, the lowest bit says something else there
_HAS_DOCSTRING = 0x4000000  # a flag of Python 3.13
_NO_MATTER = ("annotation", "returns", "type_comment", "type_params", "type_ignores", "kind", "ctx")
_LOADED_BY = os.getpid()
_WITH_DOCSTRING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)


def python_tag() -> str:
    """Return what bytecode is to be compared within: it is another for each minor version of Python."""
    return f"{sys.implementation.cache_tag}{'' if not sys.flags.optimize else f'-O{sys.flags.optimize}'}"


def code_form(code: CodeType) -> JSON:
    """Return what a code object does, without docstrings and where it stands.

    Constants are taken in the order in which they are loaded: a docstring is one that never is.
    """
    raw = bytearray(code.co_code)
    constants = []
    extended = 0
    for place in range(0, len(raw), 2):
        operation = raw[place]
        number = raw[place + 1] | extended
        extended = number << 8 if operation == _EXTENDED else 0
        if operation in _WITH_CONSTANT:
            raw[place + 1] = 0
            constants.append(_constant(code.co_consts[number]))
    return [
        raw.hex(),
        constants,
        code.co_exceptiontable.hex(),
        *(list(names) for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
        [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount],
        code.co_flags & ~_HAS_DOCSTRING,
    ]


def _constant(value: Any) -> JSON:
    if isinstance(value, CodeType):
        return code_form(value)
    if isinstance(value, tuple):
        return ["tuple", *map(_constant, value)]
    if isinstance(value, frozenset):  # in an order that each process chooses anew
        return ["frozenset", *sorted(map(_constant, value), key=repr)]
    return [type(value).__name__, repr(value)]


def _operations(code: CodeType) -> Iterator[tuple[int, int]]:
    """Walk operations with their arguments."""
    extended = 0
    raw = code.co_code
    for place in range(0, len(raw), 2):
        operation = raw[place]
        number = raw[place + 1] | extended
        extended = number << 8 if operation == _EXTENDED else 0
        if operation not in (_CACHE, _EXTENDED):
            yield operation, number


def loaded_names(code: CodeType) -> Iterator[tuple[str, ...]]:
    """Walk what is looked up among global variables, with what is asked of it: ('a', 'b') of `a.b`."""
    chain: list[str] = []
    for operation, number in _operations(code):
        if operation in _ATTRIBUTES and chain:
            chain.append(code.co_names[number >> _SHIFT])
            continue
        if chain:
            yield tuple(chain)
        chain = []
        if operation in (_GLOBAL, _NAME):
            chain = [code.co_names[number >> 1 if operation == _GLOBAL else number]]
    if chain:
        yield tuple(chain)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from loaded_names(constant)


def imported_names(code: CodeType, package: str) -> Iterator[str]:
    """Walk the modules that are imported when a function is called, and what may be modules inside these.

    Parameters
    ----------
    code : code
    package : str
        To which relative imports are relative.
    """
    constants: list[Any] = [None, None]
    for operation, number in _operations(code):
        if operation in _WITH_CONSTANT:
            constants = [constants[-1], code.co_consts[number]]
        elif operation == _SMALL:
            constants = [constants[-1], number]
        elif operation == _IMPORT:
            level, names = constants
            module = code.co_names[number]
            if level:
                outer = package.split(".")
                module = ".".join([*outer[: len(outer) - level + 1], *([module] if module else [])])
            yield module
            for name in names or ():
                yield f"{module}.{name}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from imported_names(constant, package)


def file_form(path: Path) -> JSON:
    """Return what is written in a file, as `source_form` does; None if that is no Python."""
    try:
        return _tree(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return None


def source_form(function: FunctionType) -> JSON:
    """Return the source of a function, parsed, without comments, docstrings and annotations.

    Returns
    -------
    JSON
        None if there is none, or none of which it is certain that the function was made from it: the file may
        have been edited since.
    """
    code = function.__code__
    module = sys.modules.get(function.__globals__.get("__name__", ""))
    if code.co_name == "<lambda>" or module is None or vars(module) is not function.__globals__:
        return None  # a function that was loaded with a study says nothing of the file that is there now
    if not _is_as_loaded(code.co_filename):
        return None
    first, last = code.co_firstlineno, _last_line(code)
    lines = linecache.getlines(code.co_filename)[first - 1 : last]
    if not lines:
        return None
    text = "".join(["if 1:\n" if lines[0][:1].isspace() else "", *lines])
    try:
        tree: ast.AST = ast.parse(text).body[0]
    except (SyntaxError, ValueError, IndexError):
        return None
    tree = tree.body[0] if isinstance(tree, ast.If) else tree
    return _tree(tree) if getattr(tree, "name", None) == code.co_name else None


def _last_line(code: CodeType) -> int:
    own = max((last or 0 for _, last, _, _ in code.co_positions()), default=0)
    return max([own, *(_last_line(item) for item in code.co_consts if isinstance(item, CodeType))])


def _is_as_loaded(filename: str) -> bool:
    """Whether a file has not been written since this process began."""
    try:
        written = Path(filename).stat().st_mtime
    except (OSError, ValueError):
        return filename in linecache.cache  # a cell of a notebook, which is another file when it is edited
    linecache.checkcache(filename)
    return written < _begun()


@cache
def _begun() -> float:
    """Return when the process began that has loaded this module, and all others after that."""
    return time_of_start(_LOADED_BY) or 0.0  # (none: this is a fork of one that has ended)


def _tree(node: Any) -> JSON:
    if isinstance(node, list):
        return [_tree(item) for item in node]
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if not isinstance(node, ast.AST):
        return node
    form: list[JSON] = [type(node).__name__]
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or value == [] or name in _NO_MATTER:
            continue
        if (
            name == "body"
            and isinstance(node, _WITH_DOCSTRING)
            and ast.get_docstring(node, False) is not None
        ):
            value = value[1:]
        form.append([name, _tree(value)])
    return form
