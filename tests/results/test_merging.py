"""Studies of several machines become one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from research import EC, EP, Alias, Domain, E, Research, ResearchResults
from research.errors import (
    ContradictionError,
    DamagedStudyError,
    StudyError,
    StudyExistsError,
    StudyNotFoundError,
)
from research.storage.lock import Lock
from tests.results.small_studies import same
from tests.results.stored_studies import id_of, write_study

merge = ResearchResults.merge


def work(a, folder, experiment):
    print("a is", a)
    (folder / "plots").mkdir(exist_ok=True)
    (folder / "plots" / "curve.txt").write_text("*" * a)
    return a * experiment.random.random()


def count():
    for number in range(5):
        yield number / 2


def study_of(name, domain, **options):
    study = Research(name, domain, n_reps=2)
    study.add_callable(work, a=EC("a"), folder=EP(), experiment=E(), save_to="y").add_generator(
        count, save_to="x"
    )
    study.save({"any": np.float32(1)}, "object").save(np.arange(200_000), "large", when="last")
    return study.run(seed=3, workers=2, bar=False, create_id_prefix=True, **options)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Three parts of a study, and the whole, each run by itself."""
    top = tmp_path_factory.mktemp("shards")
    domain = Domain(a=range(1, 6)) * Domain(kind=[Alias("first", "f")])
    for k in range(3):
        study_of(top / str(k), domain.shard(k, 3), profile=1, env_meta=True)
    study_of(top / "whole", domain)
    return top


@pytest.fixture(scope="module")
def merged(shards):
    return merge([shards / str(k) for k in range(3)], into=shards / "merged").load(load_objects=True)


def test_parts_of_a_domain_are_the_study_run_in_one_go(shards, merged):
    whole = ResearchResults(shards / "whole", load_objects=True)
    assert merged.configs == whole.configs
    assert list(merged.configs) == list(whole.configs)
    assert same(merged.results, whole.results)
    names = ["object", "large"]
    tables = [item.to_df(use_alias=True, remove_auxilary=False) for item in (merged, whole)]
    pd.testing.assert_frame_equal(*(table.drop(columns=names) for table in tables))
    assert merged.study.seed == whole.study.seed == 3
    assert merged.study.outcome == "done"
    assert merged.study.settings["variables"] == whole.study.settings["variables"]


def test_files_and_what_was_printed_come_along(shards, merged):
    whole = ResearchResults(shards / "whole")
    columns = ["id", "a", "path", "name", "size"]
    pd.testing.assert_frame_equal(merged.artifacts_to_df()[columns], whole.artifacts_to_df()[columns])
    assert [merged.log(id_) for id_ in merged.configs] == [whole.log(id_) for id_ in whole.configs]
    path = Path(merged.artifacts_to_df(a=3)["path"][0])
    assert (shards / "merged" / path).read_text() == "***"
    assert len(os.listdir(shards / "merged" / "objects")) == 10


def test_profiles_statuses_and_surroundings_come_along(shards, merged):
    parts = [ResearchResults(shards / str(k)) for k in range(3)]
    assert len(merged.profiler.profile_info) == sum(len(part.profiler.profile_info) for part in parts)
    assert merged.env_meta() == {
        f"{k}/{name}": text for k, part in enumerate(parts) for name, text in part.env_meta().items()
    }
    table = merged.statuses_to_df()
    assert set(table["status"]) == {"done"}
    assert table["worker"].between(0, 5).all()
    assert table["group"].is_unique
    for k in range(3):
        log = (shards / str(k) / "research.log").read_bytes()
        assert (shards / "merged" / "merged" / str(k) / "research.log").read_bytes() == log


def test_the_definition_is_that_of_the_first(shards, merged):
    assert (shards / "merged" / "research.dill").read_bytes() == (shards / "0" / "research.dill").read_bytes()
    study = Research.load(shards / "merged")
    assert [config["a"] for config in study.domain] == [1, 4]
    assert len(study.results.configs) == 10


def test_a_merged_study_is_merged_like_any_other(shards, merged):
    once = merge([shards / "0", shards / "1"], into="once")
    twice = merge([once, str(shards / "2")], into="a/b/twice")
    assert set(twice.configs) == set(merged.configs)
    assert "0/1/python" in twice.env_meta()
    assert same(twice.results.keys() ^ merged.results.keys(), set())
    assert len(twice.df) == len(merged.df)


def test_studies_stay_as_they_are_and_nothing_is_left_beside(shards):
    before = [path.read_bytes() for path in sorted(shards.glob("?/research.db"))]
    merge([shards / "0", shards / "0"], into="same")
    assert [path.read_bytes() for path in sorted(shards.glob("?/research.db"))] == before
    assert os.listdir() == ["same"]
    assert ResearchResults("same").configs == ResearchResults(shards / "0").configs


def test_there_may_be_more_studies_than_sqlite_attaches():
    names = [write_study(str(number), {number: [number], -1: [0.5]}) for number in range(12)]
    results = merge((Path(name) for name in names), into="all")
    assert results.df["a"].tolist() == [0, *range(1, 12), -1]
    assert results.study.settings["workers"] == 12
    assert Research.load("all").is_finished


@pytest.mark.parametrize("status", ["failed", "stopped", "lost", "running", "queued"])
@pytest.mark.parametrize("turn", [1, -1])
def test_what_is_done_counts(status, turn):
    write_study("open", {1: [0.5], 2: [1.0]}, {1: status})
    write_study("done", {1: [0.25, 0.75]})
    results = merge(["open", "done"][::turn], into="all", prefer="first")
    assert results.results == {id_of(1): {"x": {0: 0.25, 1: 0.75}}, id_of(2): {"x": {0: 1.0}}}
    assert set(results.statuses_to_df()["status"]) == {"done"}


def test_of_what_is_not_done_the_one_that_came_further_counts():
    write_study("one", {1: [1], 2: [1], 3: [1]}, {1: "lost", 2: "queued", 3: "failed"})
    write_study("two", {1: [2], 2: [2], 3: [2]}, {1: "failed", 2: "running", 3: "failed"}, attempts={1: 3})
    results = merge(["one", "two"], into="all")
    assert results.statuses_to_df()["status"].tolist() == ["failed", "running", "failed"]
    assert results.statuses_to_df()["attempt"].tolist() == [3, 1, 1]
    assert results.df["x"].tolist() == [2, 2, 1]
    assert merge(["one", "two"], into="last", prefer="last").df["x"].tolist() == [2, 2, 2]


def test_values_that_contradict_each_other_stop_it_before_anything_is_written():
    write_study("one", {1: [0.5, 1.0], 2: [1]})
    write_study("two", {1: [0.5, 2.0, 3.0], 2: [1.0]})
    with pytest.raises(ContradictionError) as caught:
        merge(["one", "two"], into="all")
    first, absent, kind = caught.value.contradictions
    assert first == (id_of(1), "x", 1, ("one", "two"), (1.0, 2.0))
    assert repr(absent.values) == "(<not saved>, 3.0)"
    assert same(kind.values, (1, 1.0))
    assert f"experiment {id_of(1)}, 'x' at iteration 1: 1.0 in 'one', 2.0 in 'two'" in str(caught.value)
    assert "`prefer='first'`, 'last' or its place in the list" in str(caught.value)
    assert sorted(os.listdir()) == ["one", "two"]


def test_the_text_shows_some_of_many():
    write_study("one", {1: range(100)})
    write_study("two", {1: range(1, 101)})
    with pytest.raises(
        ContradictionError, match="; and 95 more, see `contradictions` of this error"
    ) as caught:
        merge(["one", "two"], into="all")
    assert len(caught.value.contradictions) == 100


@pytest.mark.parametrize(("prefer", "wins"), [("first", 1), ("last", 3), (0, 1), (1, 2), (2, 3)])
def test_it_can_be_said_who_counts(prefer, wins):
    for number in (1, 2, 3):
        write_study(str(number), {5: [number]})
    assert merge(list("123"), into="all", prefer=prefer).df["x"].tolist() == [wins]


def test_a_study_that_is_preferred_settles_nothing_between_others():
    write_study("one", {1: [1]})
    write_study("two", {2: [2]})
    write_study("three", {2: [3]})
    with pytest.raises(ContradictionError, match="2 in 'two', 3 in 'three'"):
        merge(["one", "two", "three"], into="all", prefer=0)


NAN = np.frombuffer(b"\1\0\0\0\0\0\xf8\xff", dtype="<f8")
EQUAL = [
    (float("nan"), float(NAN[0])),
    (np.float64("nan"), NAN[0]),
    (np.array([1, np.nan]), np.array([1, NAN[0]])),
    (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3)),
    (np.zeros(300_000), np.zeros(300_000)),
    ({"a": 1}, {"a": 1}),
    (2**70, 2**70),
    ("\ud800\0", "\ud800\0"),
]
UNEQUAL = [
    (1, 1.0),
    (1, True),
    (1.0, np.float64(1)),
    (0.0, -0.0),
    (None, float("nan")),
    (np.arange(3), np.arange(3.0)),
    (np.arange(6), np.arange(6).reshape(2, 3)),
    (np.zeros(300_000), np.ones(300_000)),
    ({"a": 1}, {"a": 2}),
    ("a", "b"),
    ({"a": 1}, 1),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
@pytest.mark.parametrize("blocks", [1, 2])
def test_values_are_equal_by_content_in_whatever_blocks_they_came(one, other, blocks):
    write_study("one", {1: [one, 3, one]}, block=blocks)
    write_study("two", {1: [other, 3, other]})
    merge(["one", "two"], into="all")


@pytest.mark.parametrize(("one", "other"), UNEQUAL)
def test_values_of_another_type_or_content_are_not_equal(one, other):
    write_study("one", {1: [one]})
    write_study("two", {1: [other]})
    with pytest.raises(ContradictionError) as caught:
        merge(["one", "two"], into="all")
    assert len(caught.value.contradictions) == 1


def put(study, a, name, text, shown=None):
    path = Path(study, "experiments", shown or id_of(a), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_files_of_both_sides_are_there_once():
    for name in ("one", "two"):
        write_study(name, {1: [1], 2: [2]}, {2: "failed"} if name == "two" else None)
        put(name, 1, "both.txt", name)
        put(name, 1, f"{name}.txt", name)
        put(name, 2, f"{name}.txt", name)
    put("two", 1, "stdout.txt", "printed by two")
    results = merge(["one", "two"], into="all")
    read = {
        (row.a, row.name): Path("all", row.path).read_text() for row in results.artifacts_to_df().itertuples()
    }
    assert read == {
        (1, "both.txt"): "one",
        (1, "one.txt"): "one",
        (1, "two.txt"): "two",
        (2, "one.txt"): "one",
    }
    assert results.log(id_of(1)) == ""  # of two that print the log is one's


def test_files_of_a_side_that_lost_stay_behind():
    write_study("one", {1: [1]})
    write_study("two", {1: [2]})
    put("two", 1, "two.txt", "two")
    assert len(merge(["one", "two"], into="all", prefer=0).artifacts_to_df()) == 0


def test_folders_have_the_prefix_of_the_side_that_wins():
    write_study("one", {1: [1]}, prefix="0_0")
    write_study("two", {1: [1]})
    put("one", 1, "one.txt", "", f"0_0_{id_of(1)}")
    put("two", 1, "two.txt", "")
    results = merge(["one", "two"], into="all")
    assert list(results.configs) == [f"0_0_{id_of(1)}"]
    assert results.artifacts_to_df()["name"].tolist() == ["one.txt", "two.txt"]


def test_what_workers_and_branches_add_stays_with_their_experiments():
    for k, rate in enumerate(["slow", "fast"]):
        study = Research(f"{k}", Domain(a=range(4)).shard(k, 2)).add_callable(
            lambda a, rate, size: f"{a} {rate} {size}",
            a=EC("a"),
            rate=EC("rate"),
            size=EC("size"),
            save_to="x",
        )
        study.run(workers=[{"rate": rate}], branches=[{"size": k}, {"size": k + 10}], seed=1, bar=False)
    table = merge(["0", "1"], into="all").df
    assert table["x"].tolist() == [
        f"{row.a} {row.rate} {row.size_}" for row in table.rename(columns={"size": "size_"}).itertuples()
    ]
    assert table["a"].tolist() == [0, 1, 2, 3]
    assert merge(["0", "1"], into="again").to_df(rate="fast")["a"].tolist() == [1, 3]


def test_devices_stay_with_their_experiments():
    for k in range(2):
        Research(f"{k}", Domain(a=range(4)).shard(k, 2)).add_callable(len, args=["abc"], save_to="x").run(
            workers=1 + k, devices=[k], seed=1, bar=False
        )
    for part in ("0", "1"):
        found = ResearchResults(part).configs_to_df(remove_auxilary=False).set_index("id")["device"]
        both = (
            merge(["0", "1"], into=f"all{part}")
            .configs_to_df(remove_auxilary=False)
            .set_index("id")["device"]
        )
        assert found.to_dict().items() <= both.to_dict().items()


def test_other_seeds_make_other_experiments():
    write_study("one", {1: [1]}, seed=1)
    write_study("two", {2: [1]}, seed=2)
    with pytest.raises(
        ValueError, match=r"'one' has the seed 1, that in 'two' 2: .* run all parts with the same `seed`"
    ):
        merge(["one", "two"], into="all", prefer="first")
    assert not Path("all").exists()


def test_domains_that_replaced_others_are_part_of_ids():
    def update(a):
        return Domain(a=[a])

    for k in range(2):
        study = Research(f"{k}", Domain(a=[k])).add_callable(lambda a: a, a=EC("a"), save_to="x")
        study.update_domain(update, when="%0", a=10 + k, n_reps=1).run(seed=1, bar=False)
    results = merge(["0", "1"], into="all")
    assert results.to_df(remove_auxilary=False)[["a", "updates"]].values.tolist() == [
        [0, 0],
        [1, 0],
        [10, 1],
        [11, 1],
    ]


def test_a_study_that_runs_is_refused():
    write_study("one", {1: [1]})
    write_study("two", {2: [1]})
    lock = Lock.take(Path("two"))
    with pytest.raises(StudyError, match="the study in 'two' is running: merge it when it has ended"):
        merge(["one", "two"], into="all")
    lock.release()
    merge(["one", "two"], into="all")


@pytest.mark.parametrize("prefer", [-1, 2, True, "second", 0.5])
def test_what_cannot_be_preferred_is_refused(prefer):
    write_study("one", {1: [1]})
    with pytest.raises(ValueError, match=r"`prefer` must be 'first', 'last' or the place .*, 0 to 1, got "):
        merge(["one", "one"], into="all", prefer=prefer)


def test_what_is_no_list_of_studies_is_refused():
    write_study("one", {1: [1]})
    with pytest.raises(TypeError, match="`studies` must be a list of folders or ResearchResults, got 'one'"):
        merge("one", into="all")
    with pytest.raises(ValueError, match="`studies` must name at least one study, got none"):
        merge([], into="all")
    with pytest.raises(StudyNotFoundError, match="there is no study in 'nowhere'"):
        merge(["one", "nowhere"], into="all")
    with pytest.raises(ValueError, match=r"are filtered, studies are merged as a whole: call `load\(\)`"):
        merge([ResearchResults("one").load(a=1)], into="all")
    memory = Research("two").run(dump_results=False, bar=False, parallel=False).results
    with pytest.raises(ValueError, match="are in memory: studies are merged by their folders"):
        merge(["one", memory], into="all")
    assert os.listdir() == ["one"]


@pytest.mark.parametrize(
    "make", [os.mkdir, lambda path: Path(path).touch(), lambda path: os.symlink("no", path)]
)
def test_what_exists_is_not_written_to(make):
    write_study("one", {1: [1]})
    make("all")
    with pytest.raises(StudyExistsError, match="'all' exists already: give another `into`"):
        merge(["one"], into="all")


def test_a_study_that_lacks_a_file_of_its_own_is_refused():
    write_study("one", {1: [np.zeros(300_000)]})
    (path,) = Path("one/objects").iterdir()
    path.unlink()
    with pytest.raises(DamagedStudyError, match="the study in 'one' lacks a file of its own: 'objects/"):
        merge(["one"], into="all")
    assert os.listdir() == ["one"]
