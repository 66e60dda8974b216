"""Objects that answer to any name: what looks like an attribute is none."""

from __future__ import annotations

from research import Config


class Obliged(type):
    def __getattr__(cls, name):
        return cls(name)


class Obliging(metaclass=Obliged):
    """An object that answers to any name that it is asked for, as expressions of other libraries do."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, name):
        if name.startswith("__") and name != "__dataclass_fields__":
            raise AttributeError(name)
        return Obliging(name)

    def values(self):
        return iter(lambda: 1, 2)  # endless


def test_an_object_that_answers_to_any_name_is_no_dataclass():
    forms = [Config(x=Obliging(name)).hash() for name in "aab"]
    assert forms[0] == forms[1] != forms[2]
