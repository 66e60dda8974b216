"""The garbage collector of the process that runs a study: it comes less often for a while."""

import gc

import pytest

from research import Domain, Research


def thresholds():
    return gc.get_threshold()[0]


def run(**settings):
    study = Research(domain=Domain(a=range(3))).add_callable(thresholds, save_to="threshold")
    study.run(dump_results=False, bar=False, **settings)
    assert study.monitor.counts == {"done": 3}
    return set(study.results.df["threshold"])


@pytest.fixture(params=[(700, 10, 10), (0, 10, 10), (50_000, 5, 5)])
def before(request):
    usual = gc.get_threshold()
    gc.set_threshold(*request.param)
    yield request.param
    gc.set_threshold(*usual)


@pytest.mark.parametrize("settings", [{"workers": 2}, {"parallel": False}])
def test_units_find_it_as_it_was_and_so_does_who_ran_them(before, settings):
    assert run(**settings) == {before[0]}
    assert gc.get_threshold() == before
