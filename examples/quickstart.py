"""The smallest whole study: a space of configurations, a function, a table of results."""

from research import EC, Domain, Research


def area(shape, size):
    return {"circle": 3.14159, "square": 1.0, "triangle": 0.433}[shape] * size**2


domain = Domain(shape=["circle", "square"], size=[1, 2, 3]) + Domain(shape=["triangle"], size=[4])
study = Research("studies/quickstart", domain).add_callable(area, kwargs=EC(), save_to="area")
study.run(workers=2)
print(study.results.df)
