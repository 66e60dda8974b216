"""What `backend`, `address`, `resources` and `workers` may be, and what is said where they make no sense."""

from __future__ import annotations

import sys

import pytest

from research import EC, Dask, Domain, Ray, Research

DASK = Dask("tcp://127.0.0.1:8786")


def study():
    return Research("study", Domain(x=[1, 2])).add_callable(abs, args=[EC("x")], save_to="y")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"backend": "dsk"}, ValueError, r"`backend` must be one of .*got 'dsk'; did you mean 'dask'"),
        ({"backend": 3}, ValueError, r"`backend` must be one of .*or made by one of Dask, Ray, got 3"),
        ({"backend": "dask", "parallel": False}, ValueError, r"leave out `backend='dask'`"),
        ({"address": "tcp://a:1"}, ValueError, r"`address='tcp://a:1'` is said with a cluster"),
        ({"resources": {"GPU": 1}}, ValueError, r"`resources=\{'GPU': 1\}` is said with a cluster"),
        ({"backend": DASK, "address": "x"}, ValueError, r"`address='x'` is said in the backend itself"),
        ({"backend": "dask", "resources": ["GPU"]}, TypeError, r"`resources` must be a dict.*got \['GPU'\]"),
        ({"backend": "dask", "resources": {1: 1}}, TypeError, r"`resources` are known by names.*got 1"),
        ({"backend": "dask", "resources": {"GPU": 0}}, ValueError, r"positive numbers, got \{'GPU': 0\}"),
        (
            {"backend": "ray", "resources": {"GPU": True}},
            ValueError,
            r"positive numbers, got \{'GPU': True\}",
        ),
        ({"backend": "ray", "resources": {"memory": "8 XB"}}, ValueError, r"`resources` must be .*'8 XB'"),
        ({"backend": "ray", "address": 5}, TypeError, r"`address` must be that of a cluster of Ray.*got 5"),
        ({"backend": "dask", "address": 5}, TypeError, r"`address` must be that of a scheduler.*got 5"),
        ({"backend": DASK, "devices": [0]}, ValueError, r"`devices=\[0\]` are those of this machine"),
        ({"backend": DASK, "start_method": "fork"}, ValueError, r"`start_method='fork'` is for processes of"),
        ({"workers": "all"}, ValueError, r"`workers` must be a positive int, 'auto' or a list.*got 'all'"),
    ],
)
def test_arguments_that_mean_nothing(arguments, error, message):
    with pytest.raises(error, match=message):
        study().run(bar=False, **arguments)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dask(files_limit="much"), ValueError, r"`files_limit` must be .*got 'much'"),
        (lambda: Dask(patience=0), ValueError, r"`patience` must be a positive number of seconds, got 0"),
        (lambda: Ray(runtime_env="."), TypeError, r"`runtime_env` must be a dict, got '.'"),
    ],
)
def test_clusters_that_mean_nothing(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_clusters_are_values():
    assert Dask(resources={"GPU": 1}) == Dask(resources={"GPU": 1.0})
    assert Dask("tcp://a:1") != Dask("tcp://a:2")
    assert Ray(resources={"memory": "8 GB"}).resources == {"memory": 8e9}
    assert eval(repr(Ray("auto", {"CPU": 2}))) == Ray("auto", {"CPU": 2})


@pytest.mark.parametrize(("name", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_what_is_not_installed_is_named_with_its_extra(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"needs {module}, .*pip install 'domain-research\[{name}\]'"):
        study().run(backend=name, bar=False)


def test_as_many_processes_as_there_is_room_for():
    done = study().run(workers="auto", bar=False)
    assert done.monitor.counts == {"done": 2}


def test_inline_and_processes_by_their_names():
    for backend in ("inline", "processes"):
        assert study().run(backend, backend=backend, bar=False).monitor.counts == {"done": 2}
