"""What groups need beside the tables of the store: as data, for which nothing is to be imported.

- `parameter_groups`: one row each. A run of a program is an experiment of the store, whose config has the
  group's id, the data set, and the parameters.
- `parameter_schemas`: what parameters may be; groups that were bred share the one of their parents.
"""

from __future__ import annotations

from research.storage.tables import CODE, DOUBLE, INTEGER, TEXT, Table

SCHEMAS = Table("parameter_schemas", {"id": CODE}, {"content": TEXT})

GROUPS = Table(
    "parameter_groups",
    {"id": CODE},
    {
        "config": TEXT,  # canonical; its hash is the id
        "schema": CODE,
        "parents": TEXT,  # JSON: their ids
        "generation": INTEGER,  # 0 of what was loaded
        "created": DOUBLE,  # seconds since the epoch
        **dict.fromkeys(("user", "host", "version", "source"), TEXT.or_none),
    },
)

OWN = (SCHEMAS, GROUPS)
