"""What a study is can be read."""

from __future__ import annotations

import os
from html.parser import HTMLParser

import numpy as np
import pytest

from research import EC, Alias, Domain, E, Experiment, O, R, Research
from samplers import NumpySampler


class Loader:
    def __init__(self, path):
        self.path = path

    def batch(self):
        return 1


def fit(x, lr):
    return x * lr


def epochs(n):
    yield from range(n)


@pytest.fixture
def study():
    study = Research("digits", Domain(lr=[0.1, 0.2]) * Domain(C=[1, 10]), n_reps=3)
    study.add_instance("loader", Loader, path=EC("C"), root=True)
    study.add_callable("loader.batch", root=True)
    study.add_generator("epoch", epochs, args=[5], save_to="epoch")
    study.add_callable(fit, x=O("epoch") + 1, lr=EC("lr"), save_to="y", when=[10, "last"], dump="last")
    study.add_callable("whole", lambda **config: config, kwargs=EC(), save_output_dict=True)
    return study.save(E("fit").output, ["a", "b"], when="%3").dump()


TEXT = """\
Research 'digits'
  domain: Domain({'lr': [0.1, 0.2], 'C': [1, 10]})
  configs: 4, each 3 times: 12 experiments
  progress: not begun
  units:
    instance loader = Loader(path=EC('C')), root=True
    callable loader.batch(), when=1, root=True
    generator epoch = epochs(5), save_to='epoch', when=1
    callable fit(x=(O('epoch') + 1), lr=EC('lr')), save_to='y', when=[10, 'last'], dump='last'
    callable whole = <lambda>(**EC()), save_output_dict=True, when=1
    save E('fit').output, save_to=['a', 'b'], when='%3'
    dump dump, when='last'"""


def test_a_study_reads_as_it_was_written(study):
    assert str(study) == TEXT.replace("Domain({'lr': [0.1, 0.2], 'C': [1, 10]})", repr(study.domain))


@pytest.mark.parametrize(
    ("domain", "numbers", "expected"),
    [
        (None, {}, "1"),
        (Domain(), {}, "0"),
        (Domain(), {"n_configs": 5, "n_reps": 2}, "0, each 2 times: 0 experiments"),
        (Domain(a=range(10**9)) * Domain(b=range(10**9)), {}, f"{10**18:,}"),
        (Domain(a=[1, 2]), {"n_reps": 1}, "2"),
        (Domain(a=[1, 2]), {"n_configs": 5}, "5"),
        (Domain(a=[1, 2]).set_iter_params(n_reps=4), {}, "2, each 4 times: 8 experiments"),
        (Domain(a=[1, 2]).set_iter_params(n_reps=4), {"n_reps": 3}, "2, each 3 times: 6 experiments"),
        (Domain(a=NumpySampler("n")), {}, "endless"),
        (Domain(a=NumpySampler("n")), {"n_reps": 2}, "endless, each 2 times"),
        (Domain(a=NumpySampler("n")), {"n_configs": 7, "n_reps": 2}, "7, each 2 times: 14 experiments"),
    ],
)
def test_numbers_of_configs_and_repetitions(domain, numbers, expected):
    assert f"\n  configs: {expected}\n" in str(Research("study", domain, **numbers))


def test_showing_a_study_counts_nothing():
    asked = []

    def is_less(config):
        asked.append(config)
        return config["a"] < config["b"]

    study = Research("study", Domain(a=range(4)) * Domain(b=range(4)))
    study.domain = study.domain.where(is_less)
    asked.clear()
    assert "\n  configs: not counted yet\n" in str(study)
    study.n_configs, study.n_reps = 3, 2
    assert "\n  configs: not counted yet, 3 are taken, each 2 times\n" in str(study)
    study._repr_html_()
    assert asked == []
    study.n_configs = None
    study.domain.count()
    assert "\n  configs: 6, each 2 times: 12 experiments\n" in str(study)


def test_updates_are_shown_with_their_arguments():
    study = Research("study", Domain(a=[1, 2])).update_domain(epochs, n=R(), when=[8, "last"], n_reps=2)
    study.update_domain(Loader, wait=False, path="x")
    assert str(study).split("\n")[2:5] == [
        "  configs: 2, before updates",
        "  update: epochs(n=R()), when=[8, 'last'], n_reps=2",
        "  update: Loader(path='x'), when='last', wait=False",
    ]


def test_a_study_without_units_says_so():
    assert str(Research("study")).endswith("\n  units: none")


def test_what_is_long_is_cut_to_a_line():
    study = Research("study", Domain(a=list(range(1000)))).add_callable(
        fit, x=np.zeros((100, 100)), lr={"text": "x" * 1000, "more": list(range(1000))}, save_to="y"
    )
    lines = str(study).split("\n")
    assert len(lines) == 6
    assert max(map(len, lines)) < 150
    assert lines[1].endswith("…")
    assert "array([[0., 0., 0., " in lines[5]
    assert lines[5].endswith("save_to='y', when=1")


class Broken:
    def __repr__(self):
        raise RuntimeError("no text for this")


def test_values_without_a_text_do_no_harm():
    study = Research("study").add_callable(fit, x=Broken(), lr=1)
    assert "x=<Broken instance at 0x" in str(study)


def test_progress_is_shown_of_studies_that_have_run(study):
    def half(a):
        if a > 2:
            raise ValueError("too much")

    ran = Research("study", Domain(a=[1, 2, 3])).add_callable(half, a=EC("a")).run(bar=False)
    assert "\n  progress: 2 done, 1 failed\n" in str(ran)
    assert str(Research.load("study")) == str(ran)


def test_a_study_whose_definition_was_not_saved_does_not_show_another():
    stream = (n for n in range(3))
    Research("study").add_callable("f", lambda: next(stream), save_to="x").run(bar=False)
    loaded = Research.load("study")
    log = os.path.join("study", "research.log")
    assert str(loaded) == (
        f"Research 'study'\n  definition: its definition was not saved, see {log}\n"
        "  progress: 1 done\n  units: not known"
    )


def test_progress_is_shown_of_a_study_that_runs():
    study = Research("study", Domain(a=[1, 2]))
    study.add_callable("look", lambda: seen.append(str(study)))
    seen = []
    study.run(bar=False, parallel=False, dump_results=False)
    assert "\n  progress: 1 done\n" in seen[1]  # (events of this one come at its end)


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_notebooks_show_the_same(study):
    page = Texts()
    page.feed(study._repr_html_())
    shown = "\n".join(page.texts)
    assert "4, each 3 times: 12 experiments" in shown
    for line in TEXT.split("\n")[5:]:
        kind, text = line.split(maxsplit=1)
        assert f"{kind}\n{text}" in shown
    assert repr(study.domain) in shown


def test_notebooks_are_shown_text_only():
    bad = "<script>alert(1)</script>"
    domain = Domain({Alias(bad, "b"): [bad]})
    study = Research(f"{bad}&", domain, Experiment()).add_callable(bad, fit, x=bad, lr=1, save_to=bad)
    page = Texts()
    page.feed(study._repr_html_())
    assert set(page.tags) == {"div", "p", "code", "table", "tr", "th", "td"}
    assert page.texts.count(f"'{bad}&'") == 1


class Batches:
    def copy(self):
        return Batches()

    def next_batch(self):
        return 1

    def nothing(self, *args):
        pass

    set_config = reset = v = execute_for = nothing


def test_a_pipeline_shows_what_is_done_with_it_and_its_own_config():
    study = Research().add_pipeline("train", Batches(), variables="loss", lr=EC("a"))
    study.add_pipeline("test", Batches(), Batches(), when="last", import_from=E("train"))
    assert str(study).splitlines()[-3:] == [
        "    pipeline train.next_batch(lr=EC('a')), variables=['loss'], when=1",
        "    pipeline test_root.next_batch(), when='last', root=True",
        "    pipeline test.execute_for(import_from=E('train')), when='last'",
    ]
