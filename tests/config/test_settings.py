"""Values as people write them, and what a configuration answers."""

import subprocess
import sys
from datetime import UTC
from importlib.metadata import EntryPoint
from zoneinfo import ZoneInfo

import pytest

from bridge.config import plugins
from bridge.config.checks import cron_mistake
from bridge.config.rows import row_specs
from bridge.config.settings import Daemon, Link, Settings, State, Strict
from bridge.config.values import parse_duration
from bridge.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (45, 45),
        ("45", 45),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("1D2h3m4s", 93_784),
        (" 5m ", 300),
    ],
)
def test_a_duration_is_seconds_or_units(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "5 m", "1m1h", "-5m", "1.5h", "5x", True, 1.5, None, "٣s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "line", ["*/10 8-18 * * 1-5", "0 0 1 JAN sun", "0 0 * * 0,7", "0 0 * * mon-fri/2", "5 4 * * *"]
)
def test_a_crontab_line_is_taken(line):
    assert not cron_mistake(line)


@pytest.mark.parametrize("line", ["", "* * * * * *", "a * * * *", "* 25 * * *", "* * * * 8", "* * * * 1,", "@daily"])
def test_what_is_no_crontab_line_is_refused(line):
    assert cron_mistake(line).startswith("expected five cron fields")


def test_a_link_is_found_by_its_name(desk):
    settings = desk.load(desk.good)

    assert settings.file == desk.file
    assert settings.link("app").right.container == "acme/app"
    with pytest.raises(ConfigError, match=r'there is no link "ap". Did you mean "app"\?'):
        settings.link("ap")
    with pytest.raises(ConfigError, match=r'there is no link "zzz". There are: app.'):
        settings.link("zzz")


def test_a_link_runs_every_five_minutes_unless_it_says_otherwise(desk):
    assert desk.load(desk.good).links[0].every == 300
    assert desk.load(desk.good + 'cron = "0 * * * *"\n').links[0].every is None


def test_one_name_in_a_map_needs_no_brackets(desk):
    text = desk.good + '[[links.fields]]\nleft = "a"\nright = "b"\nmap = [{ left = "x", right = ["y", "z"] }]\n'

    (row,) = desk.load(text).links[0].fields[0].map

    assert (row.left, row.right) == (("x",), ("y", "z"))


def test_settings_do_not_change(desk):
    settings = desk.load(desk.good)

    with pytest.raises(ValueError, match="frozen"):
        settings.daemon.port = 1


def test_the_time_zone_is_an_object():
    assert Daemon().zone is UTC
    assert Daemon(timezone="Europe/Berlin").zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/bridge.db", "sqlite:////var/lib/bridge.db"),
        ("postgresql://me@db/bridge", "postgresql://me@db/bridge"),
        ("postgresql://me:a/b@c@db:5432/bridge", "postgresql://me:***@db:5432/bridge"),
        ("postgresql:///bridge?user=me&password=x&host=db", "postgresql:///bridge?user=me&password=***&host=db"),
    ],
)
def test_the_database_is_shown_without_its_password(url, shown):
    assert State(url=url).shown_url == shown


# --- plugins ----------------------------------------------------------------------------------------------------------


def point(monkeypatch, value):
    monkeypatch.setattr(plugins, "_installed", lambda: {"x": EntryPoint("x", value, plugins.GROUP)})


def test_our_own_connectors_are_found_by_type():
    assert plugins.types() == (
        "artala", "gipo", "github", "growcrm", "jira", "redmine", "timetracker", "workestra"
    )  # fmt: skip
    assert {plugins.find(type_).type for type_ in plugins.types()} == set(plugins.types())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("absent_package:PLUGIN", "cannot be loaded: No module named 'absent_package'"),
        ("json:PLUGIN", "cannot be loaded: module 'json' has no attribute 'PLUGIN'"),
        ("json:dumps", "is a function, not a Plugin"),
    ],
)
def test_a_broken_plugin_is_one_message(monkeypatch, value, expected):
    point(monkeypatch, value)

    with pytest.raises(ConfigError, match=expected):
        plugins.find("x")


def test_an_unknown_type_names_those_that_are_installed():
    known = r"Installed: artala, gipo, github, growcrm, jira, .*\."
    with pytest.raises(ConfigError, match=rf'no connector of type "jura" is installed\. {known}'):
        plugins.find("jura")


def test_a_broken_plugin_is_a_mistake_at_its_type(desk, monkeypatch):
    monkeypatch.undo()
    point(monkeypatch, "absent_package:PLUGIN")

    (mistake,) = desk.mistakes('[connections.a]\ntype = "x"\n')
    assert mistake.startswith(
        'bridge.toml:2:1: connections.a.type: the connector "x" (absent_package:PLUGIN) cannot be'
    )


def test_the_models_import_neither_connectors_nor_the_loaders_libraries():
    code = "import sys, bridge.config.settings; print([n for n in sys.modules if n.startswith(('connectors', 'apscheduler'))])"
    code += "\nprint([n for n in sys.modules if n in ('pydantic_settings', 'sqlmodel', 'httpx')])"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["[]", "[]"]


def test_only_the_connectors_a_configuration_names_are_imported(tmp_path):
    (tmp_path / "bridge.toml").write_text('[connections.a]\ntype = "github"\n')
    code = "import sys, bridge.config.loader as l; l.load(); print('connectors.artala' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ended.stdout == "False\n"


def test_a_row_is_known_by_the_line_it_stands_in(desk):
    text = f'{desk.good}preset = "none"\nfields = [{{ left = "a", right = "b" }}]\n[[links]]\nname = "two"\n'
    text += 'left = { connection = "desk", container = "X" }\nright = { connection = "hub", container = "Y" }\n'
    settings = desk.load(text + '[[links.fields]]\n\nleft = "title"\nright = "title"\n')

    assert [row_specs(settings, link)["task"][0].origin for link in settings.links] == [
        "bridge.toml:12",
        "bridge.toml:17",
    ]
    assert settings.place(("links", 1, "fields", 0, "right"), column=True) == "bridge.toml:20:1"
    assert settings.place(("links", 1, "fields", 0, "map"), column=True) == "bridge.toml:17:1"
    assert Settings().place(("links", 0)) == ""


def test_rows_of_settings_that_no_file_holds_are_known_by_their_number():
    end = {"connection": "a", "container": "x"}
    link = Link(
        name="app", left=end, right=end | {"container": "y"}, preset="none", fields=({"left": "a", "right": "b"},)
    )
    settings = Settings(connections={"a": Strict()}, links=(link,))

    assert row_specs(settings, link)["task"][0].origin == "links.app.fields[0]"
