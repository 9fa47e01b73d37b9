"""Each kind of mistake: the whole message, with its line and column."""

import os

import pytest

from bridge.config.loader import load, locate
from bridge.config.mistakes import InvalidConfig
from bridge.errors import ConfigError

LINK = """\
[[links]]
name = "app"
left = { connection = "desk", container = "Board" }
right = { connection = "hub", container = "acme/app" }
"""
CONNECTIONS = """\
[connections.hub]
type = "paper"
[connections.desk]
type = "paper"
"""  # 4 lines, so that a link starts at line 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[deamon]\n", 'bridge.toml:1:1: deamon: unknown key (did you mean "daemon"?)'),
        ("\n[daemon]\nprot = 1\n", 'bridge.toml:3:1: daemon.prot: unknown key (did you mean "port"?)'),
        ("[log]\nzzz = 1\n", "bridge.toml:2:1: log.zzz: unknown key; known here: level, format"),
        ('[daemon]\nport = "a"\n', "bridge.toml:2:1: daemon.port: expected a whole number"),
        ("[daemon]\nport = 70000\n", "bridge.toml:2:1: daemon.port: expected 65535 or less"),
        ("[daemon]\nhost = 1\n", "bridge.toml:2:1: daemon.host: expected text in quotes"),
        ('[daemon]\nhost = ""\n', "bridge.toml:2:1: daemon.host: must not be empty"),
        (
            '[daemon]\ntimezone = "Europe/Berln"\n',
            ('bridge.toml:2:1: daemon.timezone: expected a time zone such as "UTC" or "Europe/Berlin"'
            ' (did you mean "Europe/Berlin"?)'),
        ),
        (
            '[daemon]\nstop_timeout = "soon"\n',
            ('bridge.toml:2:1: daemon.stop_timeout: expected a duration such as "30s", "5m", "1h30m" or a whole number of'
            " seconds"),
        ),
        (
            'log.level = "warn"\n',
            'bridge.toml:1:5: log.level: expected "debug", "info", "warning" or "error" (did you mean "warning"?)',
        ),
        ("daemon = 1\n", "bridge.toml:1:1: daemon: expected a table: write [daemon]"),
        ("[links]\n", "bridge.toml:1:1: links: expected tables: write [[links]]"),
        ("[connections]\nhub = 1\n", "bridge.toml:2:1: connections.hub: expected a table: write [connections.hub]"),
        ('[connections.x]\ntype = "papr"\n',
         'bridge.toml:2:1: connections.x.type: expected one of "paper" (did you mean "paper"?)'),
        ("[connections.x]\n", 'bridge.toml:1:1: connections.x.type: missing; expected one of "paper"'),
        ('[connections.x]\ntype = "paper"\npages = 0\n', "bridge.toml:3:1: connections.x.pages: expected 1 or more"),
        ('[connections.x]\ntype = "paper"\nlimits = { perhour = 1 }\n',
         'bridge.toml:3:12: connections.x.limits.perhour: unknown key (did you mean "per_hour"?)'),
        ('[connections."My Hub"]\ntype = "paper"\n',
         ('bridge.toml:1:1: connections.My Hub: expected a name of lower-case letters, digits, "-" and single "_",'
         " a letter first")),
        ('[connections.a-b]\ntype = "paper"\n[connections.a_b]\ntype = "paper"\n',
         'bridge.toml:3:1: connections.a_b: "a-b" and "a_b" have the same name in the environment; rename one'),
        ("allow_inline_secrets = 3\n", "bridge.toml:1:1: allow_inline_secrets: expected true or false"),
        ("[[people]]\nhub = 1\ndesk = 'a'\n", "bridge.toml:2:1: people[0].hub: expected text in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_named_with_its_place(desk, text, expected):
    said = [line for line in desk.mistakes(text) if "there is no connection" not in line]

    assert said == [expected]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("lefft = 1", '9:1: links[0].lefft: unknown key (did you mean "left"?)'),
        ('conflict = "rigth"',
         '9:1: links[0].conflict: expected "manual", "left", "right", "newest", "merge" or "keep-both" (did you mean "right"?)'),
        ('kinds = ["tasks"]', '9:10: links[0].kinds[0]: expected "task", "label", "comment" or "time_entry" (did you mean "task"?)'),
        ("kinds = []", "9:1: links[0].kinds: expected at least 1 entry"),
        ('kinds = ["comment"]', '9:1: links[0].kinds: comment cannot go without their tasks: add "task"'),
        ('kinds = ["time_entry", "comment"]',
         '9:1: links[0].kinds: time_entry and comment cannot go without their tasks: add "task"'),
        ("every = 0", "9:1: links[0].every: expected 1 or more"),
        ('every = "1m"\ncron = "* * * * *"', "10:1: links[0].cron: give either every or cron, not both"),
        ('cron = "* * *"', '9:1: links[0].cron: expected five cron fields such as "*/10 8-18 * * 1-5"; there are 3'),
        ('cron = "61 * * * *"',
         ('9:1: links[0].cron: expected five cron fields such as "*/10 8-18 * * 1-5": error validating expression \'61\':'
         " the last value (61) is higher than the maximum value (59)")),
        ('cron = "0 0 * * mo"',
         ('9:1: links[0].cron: expected five cron fields such as "*/10 8-18 * * 1-5"; "mo" is no weekday: use 0-7 (0 and 7'
         " are Sunday) or mon-fri")),
        ("max_creates = -1", "9:1: links[0].max_creates: expected 0 or more"),
        ('fields = [{ left = "a" }]', "9:11: links[0].fields[0].right: missing; or give value or expression in its place"),
        ('fields = [\n  { left = "a", right = "b" },\n  { left = "a", right = "c" },\n]',
         '11:5: links[0].fields[1].left: the row of line 10 maps left "a" already'),
        ('[[links.fields]]\nleft = "a"\nright = "b"\ntransform = "choice"',
         "12:1: links[0].fields[0].transform: choice needs a map"),
        ('[[links.fields]]\nleft = "a"\nright = "b"\ntransform = "people"\nmap = [{ left = "x", right = "y" }]',
         '13:1: links[0].fields[0].map: a map needs transform = "choice", not "people"'),
        (('[[links.fields]]\nleft = "a"\nright = "b"\nmap = [\n  { left = "x", right = "y" },\n  '
         '{ left = ["z", "X"], right = "w" },\n]'),
         '14:5: links[0].fields[0].map[1].left: "X" stands in the map row of line 13 already'),
    ],
)  # fmt: skip
def test_a_mistake_in_a_link_is_named_with_its_place(desk, extra, expected):
    assert desk.mistakes(f"{CONNECTIONS}{LINK}{extra}\n") == [f"bridge.toml:{expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"desk"', '"dsek"', '7:10: links[0].left.connection: there is no connection "dsek" (did you mean "desk"?)'),
        ('"desk"', '"qqqq"', '7:10: links[0].left.connection: there is no connection "qqqq"; there are "desk", "hub"'),
        ('name = "app"\n', "", "5:1: links[0].name: missing"),
        ('"app"', '"a b"', "6:1: links[0].name: expected a name of the form ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
        ('"desk", container = "Board"', '"hub", container = "Acme/App"',
         "8:1: links[0].right: left and right are the same container"),
        (', container = "acme/app"', "", "8:1: links[0].right.container: missing"),
    ],
)  # fmt: skip
def test_a_link_must_join_two_known_places(desk, old, new, expected):
    assert desk.mistakes(CONNECTIONS + LINK.replace(old, new)) == [f"bridge.toml:{expected}"]


def test_two_links_must_differ_in_name_and_in_containers(desk):
    turned = LINK.replace("left", "x").replace("right", "left").replace("x =", "right =").replace('"app"', '"APP"')

    assert desk.mistakes(CONNECTIONS + LINK + turned) == [
        'bridge.toml:9:1: links[1]: link "app" (line 5) joins the same two containers',
        'bridge.toml:10:1: links[1].name: the link of line 6 is called "app" already',
    ]


def test_two_links_may_carry_different_kinds_between_the_same_containers(desk):
    labels = LINK.replace('"app"', '"labels"') + 'kinds = ["label"]\n'

    assert len(desk.load(CONNECTIONS + LINK + labels).links) == 2


def test_people_must_be_unique_and_known_on_two_connections(desk):
    people = """\
[[people]]
hub = "alice"
desk = "alice@example.com"
[[people]]
hub = "Alice"
desk = "other@example.com"
[[people]]
hbu = "bob"
desk = "bob@example.com"
[[people]]
hub = "carol"
"""

    assert desk.mistakes(CONNECTIONS + people) == [
        'bridge.toml:9:1: people[1].hub: "Alice" is the person of line 6 already',
        'bridge.toml:12:1: people[2].hbu: there is no connection "hbu" (did you mean "hub"?)',
        "bridge.toml:14:1: people[3]: a person needs a name on at least two connections",
    ]


def test_blanks_make_no_other_person_and_a_wildcard_is_nobody(desk):
    people = """\
[[people]]
hub = "alice"
desk = "alice@example.com"
[[people]]
hub = " "
desk = " Alice@example.com "
[[people]]
hub = "*"
desk = "bob@example.com"
"""

    assert desk.mistakes(CONNECTIONS + people) == [
        'bridge.toml:9:1: people[1].hub: " " is nobody; write what hub calls the person',
        'bridge.toml:10:1: people[1].desk: " Alice@example.com " is the person of line 7 already',
        'bridge.toml:12:1: people[2].hub: "*" is nobody; write what hub calls the person',
    ]


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_LOG__LEVEL", "loud")
    text = f'[daemon]\nport = -1\n{CONNECTIONS}pags = 3\n{LINK}every = "x"\nverify_after = "y"\n[[links]]\nname = "!"\n'
    text += 'left = { connection = "nowhere", container = "" }\n'

    assert [line.partition(": expected")[0].partition("; there")[0] for line in desk.mistakes(text)] == [
        "environment BRIDGE_LOG__LEVEL: log.level",
        "bridge.toml:2:1: daemon.port",
        'bridge.toml:7:1: connections.desk.pags: unknown key (did you mean "pages"?)',
        "bridge.toml:12:1: links[0].every",
        "bridge.toml:13:1: links[0].verify_after",
        "bridge.toml:14:1: links[1].right: missing",
        "bridge.toml:15:1: links[1].name",
        'bridge.toml:16:10: links[1].left.connection: there is no connection "nowhere"',
        "bridge.toml:16:34: links[1].left.container: must not be empty",
    ]  # fmt: skip


def test_mistakes_can_be_read_one_by_one(desk):
    with pytest.raises(InvalidConfig) as caught:
        desk.load("[daemon]\nprot = 1\n")

    (mistake,) = caught.value.mistakes
    assert mistake.where == f"{desk.file}:2:1"
    assert mistake.key == "daemon.prot"
    assert mistake.text == 'unknown key (did you mean "port"?)'


# --- as a terminal shows them ----------------------------------------------------------------------------------------


def test_a_mistake_in_a_row_says_which_row_and_shows_the_line_with_the_place_marked(desk):
    text = f"""{CONNECTIONS}{LINK}
[[links.fields]]
left = "title"
right = "Summary"
direction = "left"
map = [ {{ left = "a", right = "b" }}, {{ left = ["x", "A"], right = "c" }} ]
"""

    assert (
        desk.blocks(text)
        == """\
2 mistakes in the configuration:
bridge.toml:13:1: links[0].fields[0].direction: expected "both", "left-to-right", "right-to-left", "create-only" or "off"
    in the row "title = Summary" of link "app"
    direction = "left"
    ^^^^^^^^^
bridge.toml:14:40: links[0].fields[0].map[1].left: "A" stands in the map row of line 14 already
    in the row "title = Summary" of link "app"
    map = [ { left = "a", right = "b" }, { left = ["x", "A"], right = "c" } ]
                                           ^^^^
"""
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[daemon]\n  prot = 1\n", "prot = …\n    ^^^^"),
        ("[deamon] # hm\n", "[deamon]\n    ^^^^^^^^"),
        ('log.level = "warn"\n', ""),
        ("[connections]\nhub = 1\n", "hub = …\n    ^^^"),
        ('state = { ulr = "sqlite:///x" }\n', ""),
    ],
)
def test_outside_of_rows_only_the_key_is_shown_for_its_value_may_be_a_secret(desk, text, shown):
    _, *below = desk.blocks(text).splitlines()

    assert "\n".join(below) == (f"    {shown}" if shown else "")


def test_of_a_long_line_the_part_around_the_place_is_shown(desk):
    groups = ", ".join(f'{{ left = "left-{n}", right = "right-{n}" }}' for n in range(9))
    text = f'{CONNECTIONS}{LINK}fields = [{{ left = "a", right = "b", map = [{groups}, {{ lef = "x" }}] }}]\n'

    first, _, line, carets = desk.blocks(text.replace("lef =", "left =")).splitlines()

    assert first.endswith(".right: missing")
    assert len(line) <= 104
    assert line[carets.index("^") :].startswith('{ left = "x" }')


# --- the file itself --------------------------------------------------------------------------------------------------


def test_what_is_not_toml_is_one_message_with_line_and_column(desk):
    assert desk.mistakes("[daemon]\nport = eighty\n") == ["bridge.toml:2:8: not valid TOML: Invalid value"]


@pytest.mark.parametrize("deep", [150, 400, 5_000])
def test_arrays_nested_beyond_reason_are_a_mistake_and_no_crash(desk, deep):
    text = f"[daemon]\nport = {'[' * deep}{']' * deep}\n"

    (told,) = desk.mistakes(text)

    assert told.startswith("bridge.toml:2:")


def test_text_that_is_not_utf8_is_one_message(desk):
    desk.file.write_bytes(b"# ok\nname = '\xff'\n")

    with pytest.raises(InvalidConfig, match=r"bridge.toml:2:9: not UTF-8 text; save the file as UTF-8$"):
        load(desk.file)


def test_a_byte_order_mark_does_no_harm(desk):
    desk.file.write_bytes(b"\xef\xbb\xbf[daemon]\nport = 1\n")

    assert load(desk.file).daemon.port == 1


def test_a_file_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(
        ConfigError, match=r"bridge.toml cannot be read: No such file or directory\. Name another"
    ) as no:
        load(tmp_path / "bridge.toml")

    assert no.value.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_message(desk):
    desk.file.write_text("")
    desk.file.chmod(0)

    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load(desk.file)


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_the_file_is_the_one_named_then_that_of_the_variable_then_the_one_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridge.config.loader.DEFAULT_FILES", (tmp_path / "bridge.toml", tmp_path / "etc.toml"))
    with pytest.raises(ConfigError, match=r'\$BRIDGE_CONFIG is not set, .* Write one with "bridge init"'):
        locate()

    (tmp_path / "etc.toml").touch()
    assert locate() == tmp_path / "etc.toml"
    (tmp_path / "bridge.toml").touch()
    assert locate() == tmp_path / "bridge.toml"
    monkeypatch.setenv("BRIDGE_CONFIG", "other.toml")
    assert str(locate()) == "other.toml"
    assert locate(tmp_path) == tmp_path
