"""Domains: what they are made from, what makes them equal, and what they are not changed by."""

from __future__ import annotations

import collections
import copy
import pickle
import threading

import numpy as np
import pytest

from research import Alias, Config, Domain, Option
from research.errors import UnstableValueError
from samplers import NumpySampler, ScipySampler


def listed(domain):
    return [config.to_dict() for config in domain]


def make_grid():
    return Domain(a=[1, 2]) @ Domain(b=["x", "y"]) + Domain(c=range(3)) * Domain(s=NumpySampler("n"))


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        (1, 2),
        range(1, 3),
        np.array([1, 2]),
        collections.deque([1, 2]),
        collections.UserList([1, 2]),
        np.array([1, 2], dtype=object),
    ],
    ids=lambda values: type(values).__name__,
)
def test_any_sequence_gives_the_values(values):
    domain = Domain(a=values)
    assert domain == Domain(a=[1, 2]) == Option("a", values) == Domain({"a": values})
    assert hash(domain) == hash(Domain(a=[1, 2]))
    assert listed(domain) == [{"a": 1}, {"a": 2}]
    assert domain[1] == domain[-1] == domain[np.int64(1)] == {"a": 2}


@pytest.mark.parametrize(
    "values",
    [[], (), range(0), np.array([]), np.zeros((0, 3))],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_a_parameter_without_values_makes_no_configs(values):
    domain = Domain(a=values, b=[1])
    assert domain.len == len(domain) == domain.size == 0
    assert not domain
    assert domain == Domain()
    assert listed(domain) == []
    with pytest.raises(IndexError, match="0 configs"):
        domain[0]


def test_rows_of_an_array_are_values():
    rows = np.array([[1, 2], [3, 4]])
    assert [config["a"].tolist() for config in Domain(a=rows)] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "values",
    [
        {"x": 1},
        {1},
        (n for n in [1]),
        None,
        1.5,
        b"ab",
        Alias([1], "one"),
        np.array(1),
        Domain(b=[1]),
        Config(b=1),
    ],
    ids=lambda values: type(values).__name__,
)
def test_what_is_no_sequence_is_refused_with_the_name_of_the_parameter(values):
    for make in (lambda: Domain({"m/x": values}), lambda: Option("m/x", values)):
        with pytest.raises(TypeError, match=r"values of the parameter 'm/x' must be a list.*Sampler, got"):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Domain(a=[1]) * (Domain(b=[1]) @ Domain(a=[2])),
        lambda: (Domain(c=[1]) + Domain(a=[1])) * Domain(a=[2]),
        lambda: (Domain(c=[1]) + Domain(a=[1])) @ Domain(a=[2, 3]),
        lambda: Domain(a=NumpySampler("n")) * Domain(a=[1]),
        lambda: Domain(a=NumpySampler("n")) @ Domain(a=NumpySampler("u")),
        lambda: Domain(Domain(a=[1]), a=[2]),
        lambda: Domain({"a/x": [1]}) * Domain({"a": [1]}),
        lambda: Domain({"a/x/y": [1]}) @ Domain({"a": [1]}),
        lambda: Domain({Alias("a", "b"): [1]}, a=[2]),
    ],
)
def test_a_parameter_given_twice_is_named_whatever_gave_it(make):
    with pytest.raises(ValueError, match="parameter 'a' is given twice"):
        make()


@pytest.mark.parametrize("operate", ["__add__", "__mul__", "__matmul__"])
@pytest.mark.parametrize(
    "other", [True, None, {"b": [1]}, [1], "b"], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_operators_take_domains_alone(operate, other):
    assert getattr(Domain(a=[1]), operate)(other) is NotImplemented


def test_a_domain_is_made_from_another_and_more_parameters():
    grid = make_grid().set_iter_params(n_reps=5, seed=3)
    assert Domain(grid) == grid
    assert Domain(grid).size == 5
    assert Domain(grid, z=[1, 2]) == grid * Domain(z=[1, 2])
    assert listed(Domain(Domain(), z=[1])) == []


def test_names_are_those_of_all_parameters_in_order_of_appearance():
    domain = Domain(b=[1], a=[2]) + Domain({"m/x": [1]}) * (Domain(c=[1]) @ Domain(a=[3]))
    assert domain.names == ("b", "a", "m/x", "c")
    assert Domain().names == Domain({}).names == ()


def test_aliases_show_in_items_and_in_no_comparison():
    named = Domain({Alias("rate", "r"): [Alias(0.1, "high"), 0.01], "n": [5]})
    plain = Domain(rate=[0.1, 0.01], n=[5])
    assert named == plain
    assert hash(named) == hash(plain)
    assert list(named) == list(plain)
    assert named[0]["rate"] == 0.1
    named.set_iter_params(additional=False)
    assert [item.alias(as_string=True) for item in named.iterator] == ["r_high-n_5", "r_0.01-n_5"]


def test_aliases_go_through_every_operator():
    named = Domain({Alias("rate", "r"): [Alias(0.1, "high")]})
    rest = Domain({Alias("number", "n"): [5]})
    for domain in (named * rest, rest @ named, (named + named) * rest, Domain(named, number=[5])):
        assert {name: alias.alias for name, alias in domain.key_aliases.items()}["rate"] == "r"
        assert domain.set_iter_params(additional=False).item(0).alias()["r"] == "high"


def test_settings_are_no_part_of_the_value():
    plain, grid = make_grid(), make_grid()
    assert grid.set_iter_params(n_items=9, n_reps=2, repeat_each=3, seed=1) is grid
    assert grid == plain
    assert hash(grid) == hash(plain)
    assert repr(grid) == repr(plain)
    assert len(listed(grid)) == len(listed(plain)) == 5
    assert (grid.len, len(grid), grid.size) == (9, 9, 18)
    together = grid + Domain(z=[1])
    assert (together.len, together.size, together.seed) == (6, 6, None)


def test_setting_anew_forgets_what_was_set_before():
    grid = make_grid().set_iter_params(n_items=3, n_reps=2, seed=5, additional=False)
    next(grid)
    grid.set_iter_params()
    assert (grid.size, grid.seed) == (5, None)
    assert next(grid).config() == {**grid[0].to_dict(), "repetition": 0, "updates": 0}


@pytest.mark.parametrize(
    "other",
    [
        Domain(a=[1], t=NumpySampler("n")),
        Domain(b=[1], s=NumpySampler("n")),
        Domain(a=[1], s=NumpySampler("u")),
        Domain(a=[1], s=NumpySampler("n", seed=1)),
        Domain(a=[1], s=[0.5]),
        Domain(s=NumpySampler("n"), a=[1]),
        Domain(a=[1]) @ Domain(s=[0.5]),
        Domain(a=[1]),
        None,
        [],
    ],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_a_domain_differs_from_what_has_other_content(other):
    assert Domain(a=[1], s=NumpySampler("n")) != other


@pytest.mark.parametrize("name", ["n_items", "n_reps", "repeat_each"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True], ids=lambda item: repr(item).split(" at 0x")[0])
def test_a_setting_that_is_no_positive_int_is_named(name, value):
    domain = Domain(a=[1, 2]).set_iter_params(n_items=5)
    with pytest.raises(ValueError, match=f"`{name}` must be a positive int.*got {value!r}"):
        domain.set_iter_params(**{name: value})
    with pytest.raises(ValueError, match=f"`{name}`"):
        domain.walk(**{name: value})
    assert domain.size == 5


def test_what_walk_is_told_comes_before_what_was_set():
    domain = Domain(a=[1, 2]).set_iter_params(n_items=5, n_reps=2)
    assert (domain.walk().size, domain.walk(n_reps=3).size, domain.walk(n_items=1).size) == (10, 15, 2)
    assert domain.size == 10


@pytest.mark.parametrize("index", [None, "0", 1.0, (0,)], ids=lambda item: repr(item).split(" at 0x")[0])
def test_an_index_is_an_int(index):
    with pytest.raises(TypeError, match="indexed by an int or a slice, got"):
        Domain(a=[1, 2])[index]


@pytest.mark.parametrize("index", [3, -4, 10**30, -(10**30)])
def test_an_index_out_of_range_is_named_with_the_number_of_configs(index):
    with pytest.raises(IndexError, match=rf"the domain has 3 configs, there is no number {index}"):
        Domain(a=[1, 2, 3])[index]


@pytest.mark.parametrize("n_bits", [62, 63, 64, 100])
def test_len_is_exact_where_python_can_say_it(n_bits):
    domain = Domain({f"p{number}": [0, 1] for number in range(n_bits)})
    assert domain.len == 2**n_bits
    assert list(domain[-1].values()) == [1] * n_bits
    if n_bits < 63:
        assert len(domain) == 2**n_bits
    else:
        with pytest.raises(OverflowError, match=rf"cannot say {2**n_bits}: use `domain\.len`"):
            len(domain)


def test_repetitions_do_not_count_in_len_but_settings_do():
    domain = Domain(a=range(10)).set_iter_params(n_items=2**63, n_reps=2)
    assert (domain.len, domain.size) == (2**63, 2**64)
    with pytest.raises(OverflowError):
        len(domain)


def test_a_copy_is_equal_and_draws_the_same():
    grid = make_grid().set_iter_params(n_reps=2, seed=3)
    next(grid)
    for other in (pickle.loads(pickle.dumps(grid)), copy.copy(grid), copy.deepcopy(grid)):
        assert other == grid
        assert hash(other) == hash(grid)
        assert list(other) == list(grid)
        assert (other.size, other.seed) == (10, 3)
        assert next(other)["a"] == 1


def test_the_seed_of_a_domain_is_its_own():
    grid = make_grid().set_iter_params(seed=3)
    other = make_grid().set_iter_params(seed=4)
    assert grid == other
    assert grid[2]["s"] != other[2]["s"]
    assert grid[2]["s"] == make_grid().set_iter_params(seed=3)[2]["s"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NumpySampler("n", loc=1), NumpySampler("n", loc=1)),
        (NumpySampler("n", loc=1), NumpySampler("n", loc=1.0)),
        (NumpySampler("n", loc=1), NumpySampler("n", loc=True)),
        (NumpySampler("c", a=9), NumpySampler("c", a=np.int64(9))),
        (NumpySampler("c", a=[0, 1, 2]), NumpySampler("c", a=(0, 1, 2))),
        (NumpySampler("c", a=[0, 1, 2]), NumpySampler("c", a=np.array([0, 1, 2]))),
        (NumpySampler("n", seed=1), NumpySampler("n", seed=2)),
        (NumpySampler("n"), NumpySampler("n", seed=0)),
        (ScipySampler("norm", loc=0), ScipySampler("norm")),
    ],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_equal_domains_draw_equal_values(one, other):
    first, second = (Domain(a=range(30)) * Domain(s=sampler) for sampler in (one, other))
    if first == second:
        assert list(first) == list(second)
        assert hash(first) == hash(second)
        assert list(map(first.__getitem__, range(30))) == list(map(second.__getitem__, range(30)))


def change(value):
    if isinstance(value, np.ndarray):
        value[0] = 9
    else:
        value.append(9)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (lambda: [1, 2], None),
        (lambda: np.array([1, 2]), None),
        (lambda: [[1], [2]], lambda values: values[0]),
        (lambda: ({"x": [1]}, 2), lambda values: values[0]["x"]),
        (lambda: [np.zeros(2), 1], lambda values: values[0]),
        (lambda: [{"x": np.zeros(2)}, 1], lambda values: values[0]["x"]),
    ],
    ids=["list", "array", "list of lists", "list in a dict", "list of arrays", "array in a dict"],
)
def test_what_happens_to_an_argument_later_changes_no_domain(outer, inner):
    values = outer()
    domain = Domain(a=values)
    change(values if inner is None else inner(values))
    assert domain == Domain(a=outer())
    assert [config.hash() for config in domain] == [config.hash() for config in Domain(a=outer())]


def test_what_happens_to_a_config_changes_no_domain():
    domain = Domain(a=[[1], [2]], b=[{"x": [1]}])
    domain[0]["a"].append(5)
    domain[0]["b"]["x"].append(5)
    domain[0].to_dict()["b"]["x"].append(5)
    assert listed(domain) == [{"a": [1], "b": {"x": [1]}}, {"a": [2], "b": {"x": [1]}}]


@pytest.mark.parametrize(
    "act",
    [hash, lambda domain: domain == Domain(a=[[1], [2]]), lambda domain: domain[0].hash(), Domain.check],
    ids=["hash", "equality", "hash of a config", "check"],
)
def test_a_value_without_stable_content_is_named_with_its_parameter(act):
    with pytest.raises(UnstableValueError, match=r"parameter 'a'.*Alias"):
        act(Domain(a=[[threading.Lock()], [2]]))
    act(Domain(a=[Alias([threading.Lock()], "locked"), [2]]))


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Domain(a=[1, value]),
        lambda value: Domain(b=[1, 2]) @ Domain(a=[value, 1]),
        lambda value: Domain(b=[1]) + Domain(c=[1]) * Domain(a=[3, value]),
        lambda value: Domain(a=[{"x": [value]}]),
        lambda value: Domain(a=np.array([1, value], dtype=object)),
        lambda value: Domain(a=NumpySampler("choice", a=[value, 1])),
    ],
    ids=["column", "zip", "sum of products", "inside", "array of objects", "sampler"],
)
def test_check_finds_unstable_values_wherever_they_are(make):
    with pytest.raises(UnstableValueError, match="parameter 'a"):
        make(object()).check()
    make("stable").check()


def test_check_costs_nothing_for_ranges_and_knows_everything_listed():
    domain = Domain(a=range(10**18), b=np.zeros(10**5), c=[max, None, (1, {2})], d=NumpySampler("n"))
    domain.check()
    assert domain.len == 3 * 10**23


def test_draws_are_the_same_in_every_thread():
    domain = Domain(a=range(300)) * Domain(s=NumpySampler("n"), v=NumpySampler("u", dim=3))
    expected, found = list(domain), []
    threads = [threading.Thread(target=lambda: found.append(list(domain))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
