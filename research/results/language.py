"""The language of `where`: read by hand, into conditions; nothing of it is ever evaluated as code.

    condition  = part {("or" | "|") part}
    part       = test {("and" | "&") test}
    test       = ("not" | "~") test | "(" condition ")" | comparison
    comparison = operand sign operand {sign operand}
               | name ["not"] "in" "(" value {"," value} ")"      (or in brackets)
               | name ["not"] "between" value "and" value
               | name ["not"] "like" text
               | name "is" ["not"] "null"                         (or "none", "nan")
    sign       = "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    operand    = name | value
    value      = number | text | "true" | "false" | "null"        (null in lists alone)

A name is one of Python's, with `/` and `.` inside, or anything in backquotes. Texts are in single or double
quotes; a quote inside is doubled. Words of the language may be in capitals.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

from research.results.conditions import (
    KEYWORDS,
    NAME,
    Among,
    Compared,
    Condition,
    Every,
    Like,
    Missing,
    Name,
    Not,
    Some,
)

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.]))
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<name>"""
    + NAME
    + r""")
    |(?P<sign>==|!=|<>|<=|>=|[=<>()\[\],&|~])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_SIGNS = {"=": "==", "<>": "!=", **{sign: sign for sign in ("==", "!=", "<", "<=", ">", ">=")}}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_WORDS = {"&": "and", "|": "or", "~": "not"}
_CLOSING = {"(": ")", "[": "]"}
_DEEPEST = 50  # parentheses and negations inside each other
_MISSING = ("null", "none", "nan")


class _Token(NamedTuple):
    """A word of the language (`kind` is the word itself), a `name`, a `value`, a `sign`, or the `end`."""

    kind: str
    content: Any
    place: int


def parse(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    ValueError
        If it cannot be read; says where.

    Examples
    --------
    >>> parse("f1 > 0.82 and kernel in ('rbf', 'poly')")
    f1 > 0.82 and kernel in ('rbf', 'poly')
    >>> parse("f1 > > 3")
    Traceback (most recent call last):
    ValueError: `where` cannot be read at '> 3' in 'f1 > > 3': a name or a value is expected
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._read()
        self._place = 0
        self._depth = 0

    def _read(self) -> list[_Token]:
        tokens: list[_Token] = []
        place = 0
        while not tokens or tokens[-1].kind != "end":
            found = _TOKEN.match(self._text, place)
            if found is None:
                start = place + len(self._text[place:]) - len(self._text[place:].lstrip())
                self._refuse(
                    start, "this is no part of a condition; names of other letters are in backquotes"
                )
            kind, start = str(found.lastgroup), found.start(str(found.lastgroup))
            tokens.append(self._token(kind, found[kind], start))
            place = found.end()
        return tokens

    def _token(self, kind: str, text: str, place: int) -> _Token:
        if kind == "number":
            try:
                return _Token("value", int(text) if text.lstrip("+-").isdigit() else float(text), place)
            except ValueError:
                self._refuse(place, "a number of so many digits is none")
        if kind == "text":
            return _Token("value", text[1:-1].replace(text[0] * 2, text[0]), place)
        if kind == "quoted":
            return _Token("name", Name(text[1:-1].replace("``", "`")), place)
        if kind == "name":
            word = text.lower()
            if word in ("true", "false"):
                return _Token("value", word == "true", place)
            if word in _MISSING:
                return _Token("null", text, place)
            return _Token(word, text, place) if word in KEYWORDS else _Token("name", Name(text), place)
        if kind == "sign":
            if text in _SIGNS:
                return _Token("sign", _SIGNS[text], place)
            return _Token(_WORDS.get(text, text), text, place)
        return _Token("end", "", place)

    def _refuse(self, place: int, why: str) -> NoReturn:
        rest = self._text[place:]
        where = f"at {rest[:30]!r}" if rest else "at its end"
        raise ValueError(f"`where` cannot be read {where} in {self._text!r}: {why}")

    def _expected(self, what: str) -> NoReturn:
        self._refuse(self._tokens[self._place].place, f"{what} is expected")

    def _at(self, *kinds: str) -> bool:
        return self._tokens[self._place].kind in kinds

    def _next(self) -> _Token:
        token = self._tokens[self._place]
        self._place += 1
        return token

    def _skip(self, kind: str) -> bool:
        is_there = self._at(kind)
        self._place += is_there
        return is_there

    def whole(self) -> Condition:
        condition = self._condition()
        if not self._at("end"):
            self._expected("`and`, `or` or the end")
        return condition

    def _condition(self) -> Condition:
        parts = [self._part()]
        while self._skip("or"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _part(self) -> Condition:
        parts = [self._test()]
        while self._skip("and"):
            parts.append(self._test())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _test(self) -> Condition:
        if not self._at("not", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse(self._tokens[self._place].place, f"no more than {_DEEPEST} levels are read")
        if self._skip("not"):
            condition: Condition = Not(self._test())
        else:
            self._place += 1
            condition = self._condition()
            if not self._skip(")"):
                self._expected("`)`")
        self._depth -= 1
        return condition

    def _comparison(self) -> Condition:
        start = self._tokens[self._place]
        left = self._operand()
        if self._at("sign"):
            return self._signs(left)
        if not isinstance(left, Name):
            self._expected("a comparison with a name")
        if self._skip("is"):
            is_not = self._skip("not")
            if not self._skip("null"):
                self._expected("`null` (for values write ==)")
            return Not(Missing(left)) if is_not else Missing(left)
        is_not = self._skip("not")
        if self._skip("in"):
            condition: Condition = Among(left, self._list())
        elif self._skip("between"):
            low = self._operand()
            if not self._skip("and"):
                self._expected("`and` and the upper end")
            condition = Every((Compared(left, ">=", low), Compared(left, "<=", self._operand())))
        elif self._skip("like"):
            if not (self._at("value") and isinstance(self._tokens[self._place].content, str)):
                self._expected("a text")
            condition = Like(left, self._next().content)
        elif is_not:
            self._expected("`in`, `between` or `like`")
        elif self._at("end", "and", "or", ")"):
            self._refuse(start.place, f"{left} is compared with nothing; write {left} == true, say")
        else:
            self._expected("a comparison")
        return Not(condition) if is_not else condition

    def _signs(self, left: Any) -> Condition:
        parts: list[Condition] = []
        while self._at("sign"):
            token = self._next()
            right = self._operand()
            if isinstance(left, Name):
                parts.append(Compared(left, token.content, right))
            elif isinstance(right, Name):
                parts.append(Compared(right, _TURNED[token.content], left))
            else:
                self._refuse(token.place, "two values are compared, and no name")
            left = right
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _operand(self) -> Any:
        if self._at("name", "value"):
            return self._next().content
        if self._at("null"):
            self._refuse(self._tokens[self._place].place, "write `is null`, or `is not null`")
        if self._at(*KEYWORDS):
            word = self._tokens[self._place].content
            self._expected(f"a name or a value (a parameter called so is written `{word}`, in backquotes)")
        return self._expected("a name or a value")

    def _list(self) -> tuple[Any, ...]:
        if not self._at(*_CLOSING):
            self._expected("a list, as in ('a', 'b'),")
        closing = _CLOSING[self._next().kind]
        values: list[Any] = []
        while not self._skip(closing):
            if self._at("null"):
                self._place += 1
                values.append(None)
            elif self._at("value"):
                values.append(self._next().content)
            else:
                self._expected(f"a value or `{closing}`")
            if not self._at(closing) and not self._skip(","):
                self._expected(f"`,` or `{closing}`")
        return tuple(values)
