"""What `where` reads: all of the language, and what is said of what is none of it."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from research.results.conditions import Among, Compared, Every, Like, Missing, Name, Not, Some, Term, Terms
from research.results.language import parse

A, B = Name("a"), Name("b")
A_IS_1, B_IS_2 = Compared(A, "==", 1), Compared(B, "==", 2)

READ = [
    ("a == 1", A_IS_1),
    ("a = 1", A_IS_1),
    ("a <> 1", Compared(A, "!=", 1)),
    ("1 < a", Compared(A, ">", 1)),
    ("0.5 <= a < 1e3", Every((Compared(A, ">=", 0.5), Compared(A, "<", 1000.0)))),
    ("a > b", Compared(A, ">", B)),
    ("a > -1", Compared(A, ">", -1)),
    ("a>-.5", Compared(A, ">", -0.5)),
    ("a == 123456789012345678901234567890", Compared(A, "==", 123456789012345678901234567890)),
    ("a == 'it''s'", Compared(A, "==", "it's")),
    ('a == "say ""no"""', Compared(A, "==", 'say "no"')),
    (r"a == '\n'", Compared(A, "==", r"\n")),
    ("a == true", Compared(A, "==", True)),
    ("model/lr == 1", Compared(Name("model/lr"), "==", 1)),
    ("`learning rate` == 1", Compared(Name("learning rate"), "==", 1)),
    ("`a``b` == 1", Compared(Name("a`b"), "==", 1)),
    ("`in` == 1", Compared(Name("in"), "==", 1)),
    ("select == 1", Compared(Name("select"), "==", 1)),
    ("größe == 1", Compared(Name("größe"), "==", 1)),
    ("a in (1, 'x', null)", Among(A, (1, "x", None))),
    ("a in [1, 2,]", Among(A, (1, 2))),
    ("a in ()", Among(A, ())),
    ("a not in (1)", Not(Among(A, (1,)))),
    ("a is null", Missing(A)),
    ("a IS NOT None", Not(Missing(A))),
    ("a between 1 and 2", Every((Compared(A, ">=", 1), Compared(A, "<=", 2)))),
    ("a not between 1 and b", Not(Every((Compared(A, ">=", 1), Compared(A, "<=", B))))),
    ("a like 'r%'", Like(A, "r%")),
    ("a not like 'r%'", Not(Like(A, "r%"))),
    ("a == 1 and b == 2 or not a == 1", Some((Every((A_IS_1, B_IS_2)), Not(A_IS_1)))),
    ("a == 1 & b == 2 | ~a == 1", Some((Every((A_IS_1, B_IS_2)), Not(A_IS_1)))),
    ("a == 1 AND (b == 2 OR a == 1)", Every((A_IS_1, Some((B_IS_2, A_IS_1))))),
    ("not (not a == 1)", Not(Not(A_IS_1))),
]


@pytest.mark.parametrize(("text", "condition"), READ, ids=[text for text, _ in READ])
def test_a_text_is_read(text, condition):
    assert parse(text) == condition
    assert parse(str(condition)) == condition


REFUSED = [
    ("", "at its end in '': a name or a value is expected"),
    ("a", "at 'a' in 'a': a is compared with nothing; write a == true, say"),
    ("a ==", "at its end .* a name or a value is expected"),
    ("a > > 3", "at '> 3' .* a name or a value is expected"),
    ("a == null", "write `is null`, or `is not null`"),
    ("a is 3", "`null` .for values write ==. is expected"),
    ("1 < 2", "two values are compared, and no name"),
    ("1 in (1)", "a comparison with a name is expected"),
    ("a in 1", "a list, as in"),
    ("a in (1 2)", "`,` or `.` is expected"),
    ("a in (b)", "a value or `.` is expected"),
    ("a like 3", "a text is expected"),
    ("a not == 3", "`in`, `between` or `like` is expected"),
    ("a between 1", "`and` and the upper end is expected"),
    ("in == 3", "written `in`, in backquotes"),
    ("(a == 1", r"`\)` is expected"),
    ("a == 1)", "`and`, `or` or the end is expected"),
    ("a == 1 b", "`and`, `or` or the end is expected"),
    ("a == 'x", 'at "\'x" .* no part of a condition'),
    ("a == 1; drop table experiments", "at '; drop table experiments' .* no part of a condition"),
    ("__import__('os').system('true') == 0", "no part of a condition"),
    ("a.b() == 1", "a comparison is expected"),
    ("a + 1 == 2", "at '. 1 == 2' .* no part of a condition"),
    ("a == 1abc", "no part of a condition"),
    ("(" * 51 + "a == 1" + ")" * 51, "no more than 50 levels are read"),
    ("not " * 10_000 + "a == 1", "no more than 50 levels are read"),
    (f"a == {'9' * 5000}", "a number of so many digits is none"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_what_cannot_be_read_is_said(text, message):
    with pytest.raises(ValueError, match=f"`where` cannot be read .*{message}"):
        parse(text)


def test_many_alternatives_are_no_depth():
    assert len(parse(" or ".join(["a == 1"] * 10_000)).parts) == 10_000


@given(st.text(max_size=30))
def test_any_text_is_a_condition_or_a_value_error(text):
    try:
        condition = parse(text)
    except ValueError:
        return
    assert parse(str(condition)) == condition


@given(st.text(min_size=1), st.text() | st.integers() | st.floats(allow_nan=False) | st.booleans())
def test_any_name_and_any_value_can_be_written(name, value):
    condition = Compared(Name(name), "==", value)
    assert parse(str(condition)) == condition


def test_terms_make_conditions():
    c = Terms()
    assert (c.a == 1) & (c.b == 2) | ~(c.a == 1) == parse("a == 1 and b == 2 or not a == 1")
    assert c["a"].between(1, 2) == parse("a between 1 and 2")
    assert (c.a != 1) == parse("not a == 1")
    assert (c.a == None) == parse("a is null")  # noqa: E711
    assert c.a.notnull() == parse("a is not null")
    assert (c.a >= c.b) == parse("a >= b")
    assert c.a.isin(range(2)) == parse("a in (0, 1)")
    assert c.a.like("x%") == parse("a like 'x%'")
    assert isinstance(c.a, Term)


def test_conditions_have_no_truth():
    c = Terms()
    with pytest.raises(TypeError, match=r"whether a > 0 holds differs .* by `&`, `\|` and `~`"):
        assert 0 < c.a < 1
    with pytest.raises(TypeError, match="a is compared with nothing"):
        not c.a
    with pytest.raises(TypeError, match="takes a list of values, got 'abc'"):
        c.a.isin("abc")
    with pytest.raises(TypeError, match="`like` takes a pattern"):
        c.a.like(3)
    with pytest.raises(TypeError, match="are str, got 3"):
        c[3]
    with pytest.raises(TypeError):
        (c.a == 1) & True
    assert not hasattr(c, "__array__")
