"""Migrations: the tables they make, what happens when one fails, backups, and databases of other versions."""

from __future__ import annotations

import shutil

import pytest
from alembic import command
from databases import ROOT, link, names, opened, process, together
from sqlalchemy import create_engine, inspect, text

from bridge.errors import LockedError, StateError
from state import connect, schema
from state.tables import Table

GOOD = 'op.add_column("link", sa.Column("note", sa.String(), server_default="", nullable=False))'
BAD = GOOD + '\n    op.execute("INSERT INTO no_such_table VALUES (1)")'


@pytest.fixture(autouse=True)
def _each_database_is_migrated(migrate, monkeypatch):
    monkeypatch.setattr(schema, "_step", migrate)


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """Pretend to be the Bridge of tomorrow: the migrations of today and one more, whose body is given."""

    def become(body):
        scripts = tmp_path / "scripts"
        shutil.rmtree(scripts, ignore_errors=True)
        shutil.copytree(ROOT / "state" / "migrations", scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "v0002_next.py").write_text(
            f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "0002"\ndown_revision = "{schema.HEAD}"\n\n'
            f"def upgrade():\n    {body}\n\ndef downgrade():\n    pass\n"
        )
        monkeypatch.setattr(schema, "SCRIPTS", str(scripts))
        monkeypatch.setattr(schema, "HEAD", "0002")

    return become


def engine_of(url):
    return connect.engines(connect.parse(url, 5.0))[0]


def revision(session):
    return session.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar()


def columns(session):
    return {column["name"] for column in inspect(session.connection()).get_columns("link")}


def test_the_newest_migration_is_the_one_the_code_works_with():
    assert schema.revisions()[0] == schema.HEAD


def test_the_migrations_make_exactly_the_tables_of_the_code(url):
    opened(url).close()
    engine = engine_of(url)

    with engine.connect() as connection:
        command.check(schema.alembic_config(connection))
    engine.dispose()


def test_up_down_and_up_again(url):
    engine = engine_of(url)

    def tables():
        return set(inspect(engine).get_table_names()) - {schema.VERSION_TABLE}

    seen = []
    for step in (command.upgrade, command.downgrade, command.upgrade):
        with engine.connect() as connection, connection.begin():
            step(schema.alembic_config(connection), "head" if step is command.upgrade else "base")
        seen.append(tables())
    engine.dispose()

    assert seen == [set(Table.metadata.tables), set(), set(Table.metadata.tables)]


def test_a_migration_that_fails_halfway_leaves_the_old_version_whole(url, next_version):
    with opened(url) as store:
        store.run_sync(link)
    next_version(BAD)

    with pytest.raises(StateError, match=r"could not be brought up from revision 0001.*no_such_table"):
        opened(url)

    engine = engine_of(url)
    with engine.connect() as connection:
        assert "note" not in {column["name"] for column in inspect(connection).get_columns("link")}
        assert connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar() == "0001"
        assert connection.execute(text("SELECT name FROM link")).scalar() == "demo"
    engine.dispose()


def test_a_failed_migration_says_where_the_backup_is(path, next_version):
    opened(f"sqlite:///{path}").close()
    next_version(BAD)

    with pytest.raises(StateError) as told:
        opened(f"sqlite:///{path}")

    [backup] = path.parent.glob("bridge.db.backup-0001-*")
    assert str(backup) in told.value.hint


def test_rows_survive_a_migration(url, next_version):
    with opened(url) as store:
        store.run_sync(link)
    next_version(GOOD)

    with opened(url) as store:
        assert store.read_sync(names) == {"demo"}
        assert "note" in store.read_sync(columns)
        assert store.read_sync(revision) == "0002"


REBUILD = (
    'with op.batch_alter_table("link", recreate="always") as batch:\n'
    '        batch.alter_column("name", new_column_name="title", existing_type=sa.String())'
)


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(path, next_version):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(lambda session: session.execute(text(_RUN.format(link=link(session)))))
    next_version(REBUILD)

    with opened(f"sqlite:///{path}") as store:
        assert store.read_sync(lambda session: session.execute(text("SELECT count(*) FROM run")).scalar()) == 1
        on = store.read_sync(lambda session: session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar())
        assert on == 1


_RUN = (
    "INSERT INTO run (link_id, trigger, state, started_at, counts, error)"
    " VALUES ({link}, 'timer', 'done', '2026-11-21 00:00:00', '{{}}', '')"
)


def test_a_backup_is_made_before_a_migration_and_can_be_put_back(path, tmp_path, next_version, monkeypatch):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(link)
    folder = tmp_path / "backups"
    folder.mkdir()
    with monkeypatch.context():
        next_version(GOOD)
        with opened(f"sqlite:///{path}", backup_dir=folder) as store:
            store.run_sync(link, "afterwards")
    monkeypatch.undo()

    [backup] = folder.iterdir()
    assert backup.name.startswith("bridge.db.backup-0001-2")
    assert backup.stat().st_mode & 0o777 == 0o600
    shutil.copy(backup, path)
    with opened(f"sqlite:///{path}") as store:
        assert store.read_sync(names) == {"demo"}


def test_a_new_database_needs_no_backup(path):
    opened(f"sqlite:///{path}").close()

    assert [each.name for each in path.parent.iterdir()] == ["bridge.db"]


def test_a_backup_that_cannot_be_written_stops_the_migration(path, tmp_path, next_version):
    opened(f"sqlite:///{path}").close()
    next_version(GOOD)

    with pytest.raises(StateError, match=r"backup .* could not be written.* Nothing was changed"):
        opened(f"sqlite:///{path}", backup_dir=tmp_path / "nowhere")

    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar() == "0001"
    engine.dispose()


def test_a_database_from_a_newer_version_is_refused_and_left_alone(url):
    with opened(url) as store:
        store.run_sync(lambda session: session.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num='9999'")))

    with pytest.raises(StateError, match=r"made by a newer Bridge \(revision 9999.*Nothing was changed") as told:
        opened(url)

    assert not isinstance(told.value, LockedError)
    assert told.value.exit_code == 1
    engine = engine_of(url)
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar() == "9999"
    engine.dispose()


def test_who_may_not_migrate_is_told_what_is_needed(path):
    with pytest.raises(StateError, match=f"revision none; this Bridge works with {schema.HEAD}"):
        opened(f"sqlite:///{path}", migrate=False)


OPEN = """
import sys
from state import schema
from state.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(sys.argv[1], busy_timeout_s=30).close()
"""


def test_processes_that_open_a_new_database_at_once_all_succeed(url):
    together(OPEN, url, count=4)

    with opened(url) as store:
        assert store.read_sync(revision) == schema.HEAD


def test_a_database_that_is_up_to_date_opens_without_alembic(path):
    opened(f"sqlite:///{path}").close()
    script = (
        'import sys; from state.store import Store; Store.open(sys.argv[1]).close(); print("alembic" in sys.modules)'
    )

    with process(script, f"sqlite:///{path}") as other:
        out, err = other.communicate(timeout=60)

    assert (out, err) == ("False\n", "")
