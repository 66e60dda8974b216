"""What all tests share."""

from __future__ import annotations

import os
import signal
import uuid

import hypothesis
import pytest

# where a change is judged, the same examples are tried each time; elsewhere new ones are looked for
IS_JUDGED = os.environ.get("CI") == "true"
hypothesis.settings.register_profile("default", deadline=None, print_blob=True, derandomize=IS_JUDGED)
hypothesis.settings.load_profile("default")

# what a shell starts in the background inherits that these are ignored; what tests interrupt must not
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

POSTGRES = os.environ.get("RESEARCH_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    """Run each test in a folder of its own, where studies may be written."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres_admin():
    """Connect to PostgreSQL; where there is none, and no change is judged, tests that need it are skipped."""
    import sqlalchemy as sa

    admin = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    try:
        with admin.connect():
            pass
    except sa.exc.OperationalError as error:
        if IS_JUDGED:
            raise
        pytest.skip(f"no PostgreSQL at RESEARCH_TEST_POSTGRES={POSTGRES}: {error.orig}")
    return admin


def make_schema(admin):
    """Make a schema and return its name."""
    import sqlalchemy as sa

    schema = f"research_{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.execute(sa.text(f"create schema {schema}"))
    return schema


def drop_schema(admin, schema):
    import sqlalchemy as sa

    with admin.connect() as connection:
        connection.execute(sa.text(f"drop schema {schema} cascade"))


@pytest.fixture(scope="session")
def postgres_engine(postgres_admin):
    """Connect to PostgreSQL, in a schema of its own that goes at the end."""
    import sqlalchemy as sa

    schema = make_schema(postgres_admin)
    engine = sa.create_engine(POSTGRES, connect_args={"options": f"-c search_path={schema}"})
    yield engine
    engine.dispose()
    drop_schema(postgres_admin, schema)


@pytest.fixture
def database(postgres_admin):
    """Return the URL of a database for one test, without tables: a schema that goes at its end."""
    schema = make_schema(postgres_admin)
    url = postgres_admin.url.update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    drop_schema(postgres_admin, schema)
