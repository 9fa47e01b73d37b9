"""Where secrets and other values come from, which one counts, and that no secret is ever shown."""

import os
import traceback

import pytest

from bridge.config.loader import load
from bridge.config.mistakes import InvalidConfig
from bridge.config.secrets import secret_values

CANARY = "canary-5f2c-value"
PLACES = (
    "put it into the environment (BRIDGE_CONNECTIONS__HUB__TOKEN), into a file named by token_file, or into the systemd"
    " credential BRIDGE_CONNECTIONS__hub__token"
)
HUB = '[connections.hub]\ntype = "paper"\n'


@pytest.fixture(autouse=True)
def no_token(desk, monkeypatch):
    monkeypatch.delenv("BRIDGE_CONNECTIONS__HUB__TOKEN")
    monkeypatch.delenv("BRIDGE_CONNECTIONS__DESK__TOKEN")


@pytest.fixture
def credential(tmp_path, monkeypatch):
    folder = tmp_path / "credentials"

    def put(name, text):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))

    return put


def token(settings):
    return settings.connections["hub"].token.get_secret_value()


def test_a_secret_comes_from_the_environment(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", CANARY)

    assert token(desk.load(HUB)) == CANARY
    assert desk.warnings == []


@pytest.mark.parametrize("text", ["12345678901234567890", "1e5", "true", "null", '["a"]', '{"a": 1}', "007"])
def test_a_secret_in_the_environment_is_taken_as_it_is(desk, monkeypatch, text):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", text)

    assert token(desk.load(HUB)) == text


def test_a_secret_comes_from_a_systemd_credential_without_its_line_end(desk, credential):
    credential("BRIDGE_CONNECTIONS__hub__token", f"{CANARY}\n")
    credential("something.else", "not ours")

    assert token(desk.load(HUB)) == CANARY
    assert desk.warnings == []


def test_a_secret_comes_from_a_file_relative_to_the_configuration(desk, secret_file, monkeypatch):
    monkeypatch.chdir("/")

    assert token(desk.load(f'{HUB}token_file = "{secret_file(CANARY + chr(10))}"\n')) == CANARY
    assert desk.warnings == []


def test_the_environment_may_name_the_file_of_a_secret(desk, secret_file, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN_FILE", secret_file(CANARY))

    assert token(desk.load(HUB)) == CANARY


def test_environment_goes_before_credential_before_file_before_inline(desk, credential, secret_file, monkeypatch):
    inline = f'allow_inline_secrets = true\n{HUB}token = "inline"\n'
    named = f'{HUB}token_file = "{secret_file("from-file")}"\n'

    assert token(desk.load(inline)) == "inline"
    assert token(desk.load(named)) == "from-file"
    credential("BRIDGE_CONNECTIONS__hub__token", "from-credential")
    assert token(desk.load(inline)) == token(desk.load(named)) == "from-credential"
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "from-environment")
    assert token(desk.load(inline)) == token(desk.load(named)) == "from-environment"


def test_other_keys_follow_the_same_order(desk, credential, monkeypatch):
    text = "[daemon]\nport = 1\n"

    assert desk.load(text).daemon.port == 1
    credential("BRIDGE_DAEMON__PORT", "2")
    assert desk.load(text).daemon.port == 2
    monkeypatch.setenv("BRIDGE_DAEMON__PORT", "3")
    assert desk.load(text).daemon.port == 3
    monkeypatch.setenv("BRIDGE_DAEMON__PORT", "")
    assert desk.load(text).daemon.port == 2


def test_nested_settings_and_names_with_a_dash_can_be_reached(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__MY_HUB__LIMITS__PER_HOUR", "9")
    monkeypatch.setenv("bridge_connections__my_hub__base_url", "https://other.example")

    config = desk.load('[connections.my-hub]\ntype = "paper"\n').connections["my-hub"]

    assert (config.limits.per_hour, config.base_url) == (9, "https://other.example")


def test_the_database_url_comes_from_the_environment(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_STATE__URL", f"postgresql://me:{CANARY}@db/bridge")

    state = desk.load("").state

    assert state.url.get_secret_value() == f"postgresql://me:{CANARY}@db/bridge"
    assert state.shown_url == "postgresql://me:***@db/bridge"


def test_relative_paths_are_relative_to_the_configuration(desk, monkeypatch):
    monkeypatch.chdir("/")

    settings = desk.load(f'[state]\nurl = "sqlite:///x.db"\nbackup_dir = "b"\n{HUB}ca_file = "ca.pem"\n')

    assert settings.state.url.get_secret_value() == f"sqlite:///{desk.folder}/x.db"
    assert settings.state.backup_dir == f"{desk.folder}/b"
    assert settings.connections["hub"].ca_file == f"{desk.folder}/ca.pem"
    assert desk.load("").state.url.get_secret_value() == f"sqlite:///{desk.folder}/bridge.db"


# --- refused ----------------------------------------------------------------------------------------------------------


def test_a_secret_in_the_configuration_is_refused_with_the_places_for_it(desk):
    assert desk.mistakes(f'{HUB}token = "{CANARY}"\n') == [
        (
            f"bridge.toml:3:1: connections.hub.token: a secret does not belong into this file; {PLACES}, or set"
            " allow_inline_secrets = true"
        )
    ]


def test_a_secret_in_the_configuration_is_refused_even_if_another_would_count(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "x")

    assert len(desk.mistakes(f'{HUB}token = "{CANARY}"\n')) == 1


def test_two_ways_in_one_place_are_refused(desk, secret_file):
    text = f'allow_inline_secrets = true\n{HUB}token = "a"\ntoken_file = "{secret_file("b")}"\n'

    assert desk.mistakes(text) == [
        "bridge.toml:5:1: connections.hub.token_file: give either token or token_file, not both"
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("absent", None, "cannot be read: No such file or directory"),
        ("folder", None, "is not a file"),
        ("empty", b" \n", "is empty"),
        ("binary", b"\xff\xfe", "is not UTF-8 text"),
        ("large", b"x" * 70_000, "is too large for a secret"),
    ],
)
def test_a_secret_file_that_is_no_use_is_one_message(desk, name, content, expected):
    (desk.folder / "folder").mkdir()
    if content is not None:
        (desk.folder / name).write_bytes(content)

    assert desk.mistakes(f'{HUB}token_file = "{name}"\n') == [
        f"bridge.toml:3:1: connections.hub.token_file: {name} {expected}"
    ]


def test_credentials_that_cannot_be_read_are_one_message(desk, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/absent")
    assert desk.mistakes(HUB) == ["$CREDENTIALS_DIRECTORY (/absent): cannot be read: No such file or directory"]

    (desk.folder / "BRIDGE_CONNECTIONS__hub__token").write_bytes(b"\xff")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(desk.folder))
    (mistake,) = desk.mistakes(HUB)
    assert mistake.endswith(": cannot be read: its files are too large, or one is not UTF-8 text")


# --- warned about -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_file_that_others_can_use_is_warned_about(desk, secret_file, mode):
    desk.load(f'{HUB}token_file = "{secret_file(CANARY, mode=mode)}"\n')

    (warning,) = desk.warnings
    assert f"{desk.file}:3:1: connections.hub.token_file: " in warning
    assert f"run: chmod 600 {desk.folder}/secret.txt" in warning


def test_an_inline_secret_that_others_can_read_is_warned_about(desk):
    text = f'allow_inline_secrets = true\n{HUB}token = "{CANARY}"\n'
    desk.load(text)
    assert desk.warnings == []
    desk.file.chmod(0o644)

    assert token(load(desk.file, warn=desk.warnings.append)) == CANARY
    assert desk.warnings == [
        f"{desk.file}:4:1: connections.hub.token: others can read this secret (-rw-r--r--); run: chmod 600 {desk.file}"
    ]


def test_a_password_in_the_configured_database_url_is_warned_about(desk):
    desk.load(f'[state]\nurl = "postgresql://me:{CANARY}@db/bridge"\n')

    (warning,) = desk.warnings
    assert f"{desk.file}:2:1: state.url: holds a password; put it into the environment (BRIDGE_STATE__URL)" in warning
    assert CANARY not in warning


def test_a_connection_without_a_token_is_warned_about(desk):
    desk.load(HUB)

    assert desk.warnings == [
        f"{desk.file}:1:1: connections.hub: has no token, so it can read little and write nothing; {PLACES}"
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("BRIDGE_CONNECTIONS__HUB__TOKN", ' (did you mean "BRIDGE_CONNECTIONS__HUB__TOKEN"?)'),
        ("BRIDGE_CONNECTIONS__HBU__TOKEN", ' (did you mean "BRIDGE_CONNECTIONS__HUB__TOKEN"?)'),
        ("BRIDGE_DEAMON__PORT", ' (did you mean "BRIDGE_DAEMON__PORT"?)'),
        ("BRIDGE_DAEMON", ""),
        ("BRIDGE_LINKS__0__NAME", "; people and links stand in the file only"),
        ("BRIDGE_CONNECTIONS__HUB__NAMES", ""),
    ],
)
def test_a_variable_that_names_no_setting_is_ignored_with_a_warning(desk, monkeypatch, name, hint):
    monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "t")

    desk.load(HUB)

    assert len(desk.warnings) == 1
    assert desk.warnings[0].startswith(f"environment {name}: names no setting and is ignored{hint}")
    assert CANARY not in desk.warnings[0]


def test_a_credential_that_names_no_setting_is_ignored_with_a_warning(desk, credential, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "t")
    credential("BRIDGE_CONNECTIONS__hub__tokn", CANARY)

    desk.load(HUB)

    assert desk.warnings == [
        (
            "credential BRIDGE_CONNECTIONS__hub__tokn: names no setting and is ignored"
            ' (did you mean "BRIDGE_CONNECTIONS__HUB__TOKEN"?)'
        )
    ]


def test_warnings_go_to_the_log_unless_somebody_takes_them(desk, caplog):
    desk.file.write_text(HUB)

    load(desk.file)

    assert "has no token" in caplog.text


# --- never shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'{HUB}token = "{CANARY}"\n',
        f'{HUB}tokn = "{CANARY}"\n',
        f'{HUB}token = ["{CANARY}"]\n',
        f'{HUB}token = {{ x = "{CANARY}" }}\n',
        f'{HUB}pages = "{CANARY}"\n',
        f'allow_inline_secrets = true\n{HUB}token = ["{CANARY}"]\n',
        f'{HUB}token = "{CANARY}\n',
        f"{HUB}token = {CANARY}\n",
        f'[[links]]\nname = "{CANARY}"\nleft = "{CANARY}"\n',
        f'[[links]]\nname = "a"\n[[links.fields]]\nleft = "a"\ntoken = "{CANARY}"\n',
        f'[[links]]\nname = "a"\nfields = [{{ left = "a", token = "{CANARY}", x = 1 }}]\n',
    ],
)
def test_no_mistake_repeats_what_may_be_a_secret(desk, text):
    with pytest.raises(InvalidConfig) as caught:
        desk.load(text)

    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.mistakes)
    told += caught.value.details
    assert CANARY not in told
    assert caught.value.__cause__ is None


def test_a_known_secret_is_hidden_wherever_else_it_was_written(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", CANARY)

    (mistake,) = desk.mistakes(
        HUB + f'[[links]]\nname = "a"\nleft = {{ connection = "{CANARY}", container = "a" }}\n'
        'right = { connection = "hub", container = "b" }\n'
    )
    assert mistake == 'bridge.toml:5:10: links[0].left.connection: there is no connection "[hidden]"; there are "hub"'


def test_settings_never_show_a_secret(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", CANARY)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__SECRET", f"{CANARY}-2")
    monkeypatch.setenv("BRIDGE_STATE__URL", f"postgresql://me:{CANARY}-3@db/bridge")

    settings = desk.load(HUB)

    shown = repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()
    assert CANARY not in "".join(shown)
    assert "https://paper.example" in settings.model_dump_json()
    assert set(secret_values(settings)) == {CANARY, f"{CANARY}-2", f"{CANARY}-3"}


def test_the_environment_is_left_as_it_was(desk, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", CANARY)
    before = dict(os.environ)

    desk.load(HUB)

    assert dict(os.environ) == before
