"""Names and values that look like SQL are names and values, wherever a study is kept."""

from __future__ import annotations

import pytest

from research import EC, Alias, Domain, O, Research, ResearchResults

KEYWORDS = ["select", "group", "order", "user", "table", "key", "study", "experiment"]
TEXTS = [
    'a"b',
    "x'); drop table experiments; --",
    "%s %(name)s :name ? $1",
    "ünïcode ✓ 名前",
    "back\\slash",
    "`quoted` [as] {elsewhere}",
    "'",
    '"; delete from studies; --',
]
NAMES = [*KEYWORDS, *TEXTS]
STUDIES = ["'); drop table studies; --", 'the "best" one', "実験 ✓", "select", "%s", "a'b"]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def run(request):
    """Return what runs a study, and gives what reads it."""
    storage = request.getfixturevalue("database") if request.param == "postgresql" else None

    def run(study, **options):
        study = Research(study.name, study.domain, study.experiment, storage=storage)
        study.run(bar=False, parallel=False, dump_results=request.param != "memory", seed=1, **options)
        return study.results if request.param == "memory" else ResearchResults(study.name, storage=storage)

    return run


def hostile(name, parameters, values):
    """Return a study with variables that are called like its parameters, after a word."""
    domain = Domain({parameters[0]: values})
    for parameter in parameters[1:]:
        domain = domain @ Domain({parameter: values})

    def tell(config):
        return {f"{parameter} of": config[parameter] for parameter in parameters}

    return Research(name, domain).add_callable(tell, config=EC(), save_output_dict=True)


def said(a, number):
    """Print and return what tells studies and experiments apart."""
    print(a, number)
    return a * 10 + number


def test_parameters_variables_and_values(run):
    values = [*TEXTS, "plain"]
    results = run(hostile("study", NAMES, values))
    table = results.df
    for name in NAMES:
        assert table[name].tolist() == table[f"{name} of"].tolist() == values
    assert [config[NAMES[0]] for config in results.configs.values()] == values
    for value in values[:4]:
        assert results.to_df(config={NAMES[-1]: value})[NAMES[0]].tolist() == [value]
        assert results.to_df(name=f"{NAMES[3]} of", config={NAMES[2]: value}).shape[0] == 1
        (id_,) = results.to_df(config={"select": value})["id"]
        assert results.to_df(experiment_id=id_)["group"].tolist() == [value]


def test_questions_about_them(run):
    results = run(hostile("study", NAMES, list(reversed(TEXTS))))
    for name, value in zip(["select", "group", "order", *TEXTS[:5]], TEXTS, strict=True):
        variable = f"{name} of"
        assert results.select(where=results.c[variable] == value)[name].tolist() == [value]
        assert results.select(where=results.c[name] == value)[variable].tolist() == [value]
        assert results.select(order_by=name)[name].tolist() == sorted(TEXTS)
        quoted = variable.replace('"', '""')
        found = results.sql(f'select "{quoted}" as it from experiments where "select" = ?', [value])
        assert found["it"].tolist() == [value]


@pytest.mark.parametrize("name", STUDIES)
def test_studies_are_called_anything(run, name):
    results = run(hostile(name, ["select"], ["'", "x"]))
    assert results.study.name == name
    assert results.df["select of"].tolist() == ["'", "x"]


def test_objects_outputs_and_failures(run):
    def fail(text):
        print(text)
        if text == TEXTS[0]:
            raise ValueError(text)
        return {text: [text]}

    study = Research("study", Domain(text=TEXTS)).add_callable(
        TEXTS[1], fail, text=EC("text"), save_to="select"
    )
    results = run(study)
    assert results.load(load_objects=True).df["select"].tolist() == [{text: [text]} for text in TEXTS[1:]]
    assert [results.log(id_) for id_ in results.configs] == [f"{text}\n" for text in TEXTS]
    statuses = results.statuses_to_df()
    assert statuses["status"].tolist() == ["failed"] + ["done"] * (len(TEXTS) - 1)
    assert TEXTS[0] in statuses["error"][0]


def test_aliases_prefixes_notes_and_profiles(run):
    domain = Domain({TEXTS[1]: [Alias(1, TEXTS[0]), Alias(2, TEXTS[2])]})
    study = Research("study", domain).add_callable(TEXTS[4], lambda: 1, save_to=TEXTS[3])
    results = run(study, note=TEXTS[1], profile=1, create_id_prefix=True)
    assert results.to_df(use_alias=True)[TEXTS[1]].tolist() == [TEXTS[0], TEXTS[2]]
    assert results.to_df(alias={TEXTS[1]: TEXTS[2]})[TEXTS[3]].tolist() == [1]
    assert results.runs["note"].tolist() == [TEXTS[1]]
    assert TEXTS[4] in results.profiler.profile_info.index


def test_several_studies_with_the_same_experiments_stay_apart(database):
    names = STUDIES[:3]
    for number, name in enumerate(names):
        study = Research(name, Domain(a=[1, 2, 3]), storage=database)
        study.add_callable("f", said, a=EC("a"), number=number).save(O("f"), "y").run(
            bar=False, parallel=False, seed=number
        )
    ids = set()
    for number, name in enumerate(names):
        results = ResearchResults(name, storage=database)
        assert results.df["y"].tolist() == [10 + number, 20 + number, 30 + number]
        assert results.study.seed == number
        assert [results.log(id_) for id_ in results.configs] == [f"{a} {number}\n" for a in (1, 2, 3)]
        ids.add(tuple(results.configs))
    assert len(ids) == 1
    assert Research.remove(names[0], ask=False, storage=database)
    for number, name in list(enumerate(names))[1:]:
        assert ResearchResults(name, storage=database).df["y"].tolist()[0] == 10 + number
