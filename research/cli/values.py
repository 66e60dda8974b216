"""Values as they are typed in a shell."""

from __future__ import annotations

import ast
from typing import Any

from research.cli.ending import Problem

_OTHERS = {"true": "True", "false": "False", "none": "None", "null": "None"}  # as other languages have them


def read_value(text: str) -> Any:
    """Return a value: a literal of Python, else the text itself.

    Raises
    ------
    Problem
        If it is spelt as another language would, so that it might be taken for what it is not.

    Examples
    --------
    >>> [read_value(text) for text in ('1', '1e-3', 'True', 'svm', '[1, 2]', '"1"')]
    [1, 0.001, True, 'svm', [1, 2], '1']
    """
    text = text.strip()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(text)
    if text and text[0] in "([{":
        raise Problem(f"{text!r} is no value of Python; as a text it is written '\"{text}\"'")
    literal = _OTHERS.get(text.lower())
    if literal is not None:
        raise Problem(f"{text!r} is no value of Python: write {literal}, or '\"{text}\"' for the text")
    return text


def read_values(text: str) -> list[Any] | range:
    """Return several values: what is between commas, a list or a range of Python; else the one value.

    Examples
    --------
    >>> read_values('0.1,1'), read_values('svm,tree'), read_values('range(3)'), read_values('[[1, 2]]')
    ([0.1, 1], ['svm', 'tree'], range(0, 3), [[1, 2]])
    """
    found = _read_range(text.strip())
    if found is not None:
        return found
    values = [read_value(part) for part in split(text)]
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def split(text: str) -> list[str]:
    """Split a text at its commas, but for those in quotes and brackets.

    Examples
    --------
    >>> split('a,(1,2),"b,c"')
    ['a', '(1,2)', '"b,c"']
    """
    parts, depth, quote = [""], 0, ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"" and (depth > 0 or not parts[-1].strip()):  # else it is an apostrophe
            quote = c
        else:
            depth += (c in "([{") - (c in ")]}")
        if c == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += c
    return parts[:-1] if len(parts) > 1 and not parts[-1].strip() else parts


def _read_range(text: str) -> range | None:
    if not text.startswith("range("):
        return None
    try:
        call = ast.parse(text, mode="eval").body
        if isinstance(call, ast.Call) and not call.keywords:
            return range(*(ast.literal_eval(item) for item in call.args))
    except (ValueError, SyntaxError, TypeError) as error:
        raise Problem(f"{text!r} is no range: {error}") from None
    return None
