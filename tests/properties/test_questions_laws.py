"""Questions to any study have the answers that pandas finds in its table."""

from __future__ import annotations

import math
from numbers import Real

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given, settings

from research import ResearchResults
from research.results.conditions import Among, Compared, Every, Like, Missing, Name, Not, Some
from research.storage.memory import MemoryStore
from tests.results.questions import fill, mask_of

NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, -0.0, 1.0, float("inf"), float("nan"), 1e300]), st.booleans()
)
TEXTS = st.sampled_from(["", "a", "b", "B", "'", '"', "é", "1", "null", "a%", "x y"])
MIXED = NUMBERS | TEXTS | st.none()
COLUMNS = {"p": NUMBERS, "q": TEXTS, "m": MIXED, "x": NUMBERS, "y": TEXTS, "z": MIXED}
SIGNS = ["==", "!=", "<", "<=", ">", ">="]


def values(names):
    return st.fixed_dictionaries({}, optional={name: COLUMNS[name] for name in names})


STUDIES = st.lists(st.tuples(values("pqm"), values("xyz")), min_size=1, max_size=8)
ONE = ({"p": 1, "q": "a", "m": 1}, {"x": 1, "y": "a", "z": 1})  # so that there are all columns


def is_value(item):
    return item is not None and item == item


def comparison(name):
    left = st.just(Name(name))
    kind = COLUMNS[name] | MIXED  # mostly of its own kind
    return st.one_of(
        st.builds(Compared, left, st.sampled_from(SIGNS), kind.filter(is_value)),
        st.builds(Compared, left, st.sampled_from(SIGNS), st.sampled_from("pqmxyz").map(Name)),
        st.builds(Among, left, st.lists(kind.filter(is_value) | st.none(), max_size=3).map(tuple)),
        st.builds(Missing, left),
        st.builds(Like, left, st.sampled_from(["%", "a%", "1%", "'%"])),
    )


CONDITIONS = st.recursive(
    st.sampled_from(sorted(COLUMNS)).flatmap(comparison),
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(Every, st.lists(parts, min_size=1, max_size=3).map(tuple))
        | st.builds(Some, st.lists(parts, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
ORDERS = st.lists(
    st.tuples(st.sampled_from(sorted(COLUMNS)), st.booleans()), max_size=3, unique_by=lambda key: key[0]
)


def asked(experiments):
    """Return results of a study in which every experiment has saved something, and the table of it."""
    numbered = [
        ({"nth": nth, **config}, {"seen": 1, **saved}) for nth, (config, saved) in enumerate(experiments)
    ]
    results = ResearchResults(fill(MemoryStore(), numbered))
    return results, results.to_df().reindex(columns=["nth", *COLUMNS], fill_value=float("nan"))


def spelled(condition, random):
    """Write a condition in one of the ways in which the language has it."""

    def word(text):
        return random.choice([text, text.upper(), text.capitalize()])

    def value(item):
        if item is None:
            return word(random.choice(["null", "none", "nan"]))
        if isinstance(item, str):
            quote = random.choice("'\"")
            return quote + item.replace(quote, quote * 2) + quote
        if isinstance(item, bool):
            return word(str(item).lower())
        return "1e999" if item == math.inf else repr(item)

    def name(item):
        return random.choice([item.name, f"`{item.name}`"])

    space = random.choice(["", " ", "\n"])
    match condition:
        case Compared(left, sign, right):
            sign = random.choice({"==": ["==", "="], "!=": ["!=", "<>"]}.get(sign, [sign]))
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
            shown = name(right) if isinstance(right, Name) else value(right)
            sides = random.choice([(name(left), sign, shown), (shown, turned, name(left))])
            return space.join(sides)
        case Among(left, values):
            start, end = random.choice(["()", "[]"])
            return f"{name(left)} {word('in')}{space}{start}{f',{space}'.join(map(value, values))}{end}"
        case Missing(left):
            return f"{name(left)} {word('is')} {value(None)}"
        case Like(left, pattern):
            return f"{name(left)} {word('like')} {value(pattern)}"
        case Not(Among(left, _) as part):
            return (
                spelled(part, random).replace(left.name, f"{left.name} not", 1).replace(" not`", "` not", 1)
            )
        case Not(Missing(left)):
            return f"{name(left)} {word('is')} {word('not')} {word('null')}"
        case Not(part):
            return random.choice([f"{word('not')} ({spelled(part, random)})", f"~({spelled(part, random)})"])
        case Every(parts) | Some(parts):
            words = ["and", "&"] if isinstance(condition, Every) else ["or", "|"]
            joined = [f"({spelled(part, random)})" for part in parts]
            return "".join(
                part if nth == 0 else f" {word(random.choice(words))}{space}{part}"
                for nth, part in enumerate(joined)
            )
    raise AssertionError(condition)


@settings(max_examples=50)
@given(STUDIES, CONDITIONS, st.randoms(use_true_random=False))
def test_select_finds_what_pandas_finds_however_it_is_asked(experiments, condition, random):
    results, frame = asked([ONE, *experiments])
    expected = frame[mask_of(condition, frame)]["nth"].tolist()
    for where in (condition, str(condition), spelled(condition, random)):
        assert results.select("nth", where=where)["nth"].tolist() == expected


def sorted_by_pandas(frame, order):
    """Return a table sorted by several keys: numbers, texts, what is missing; equal ones as they were."""
    for name, is_descending in reversed(order):
        column = frame[name].astype(object)
        is_text = column.map(lambda item: isinstance(item, str))
        keys = pd.DataFrame(
            {
                "kind": is_text.astype(float).where(column.notna()),
                "number": pd.to_numeric(column.where(~is_text & column.notna()).astype(float)),
                "text": column.where(is_text).fillna(""),
            }
        )
        places = keys.reset_index(drop=True).sort_values(
            list(keys), ascending=not is_descending, kind="stable", na_position="last"
        )
        frame = frame.iloc[places.index]
    return frame


@settings(max_examples=40)
@given(STUDIES, CONDITIONS, ORDERS, st.none() | st.integers(0, 6), st.permutations(["nth", *COLUMNS]))
def test_what_is_shown_in_which_order_and_how_much(experiments, condition, order, limit, names):
    results, frame = asked([ONE, *experiments])
    expected = sorted_by_pandas(frame[mask_of(condition, frame)], order)
    expected = expected if limit is None else expected.head(limit)
    keys = [f"-{name}" if is_descending else name for name, is_descending in order]
    found = results.select(*names, where=condition, order_by=keys, limit=limit)
    assert list(found) == names
    assert found["nth"].tolist() == expected["nth"].tolist()
    for name in names:
        pairs = zip(found[name].tolist(), expected[name].tolist(), strict=True)
        assert all(same(left, right) for left, right in pairs), name


def same(left, right):
    """Whether two cells show one value: a column without what is missing may have another type of numbers."""
    if not is_value(left) or not is_value(right):
        return not is_value(left) and not is_value(right)
    return left == right and isinstance(left, str) == isinstance(right, str) and isinstance(left, Real | str)


@settings(max_examples=30)
@given(STUDIES, st.booleans(), st.integers(1, 4))
def test_the_best_are_those_that_pandas_sorts_first(experiments, is_least, n):
    results, frame = asked([({"p": 1}, {"x": 1}), *experiments])
    numbers = pd.to_numeric(frame["x"].astype(object)).astype(float)
    expected = frame.assign(x=numbers).dropna(subset="x").sort_values("x", ascending=is_least, kind="stable")
    found = results.best("x", n=n, mode="min" if is_least else "max")
    assert found["nth"].tolist() == expected["nth"].tolist()[:n]
