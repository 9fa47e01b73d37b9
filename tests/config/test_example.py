"""The shipped example has every key, each with a comment and its default; the short start and the reference fit as well."""

import re
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin

import jsonschema
import pytest

from bridge.config import plugins
from bridge.config.digest import config_hash
from bridge.config.example import example, render_init
from bridge.config.loader import load
from bridge.config.mistakes import is_collection, models_in, secret_fields
from bridge.config.reference import reference
from bridge.config.schema import FILE as SCHEMA_FILE
from bridge.config.schema import json_schema
from bridge.config.settings import Daemon, Endpoint, ExternalId, FieldRow, Link, Log, MapRow, Settings, State

ROOT = Path(__file__).resolve().parents[2]
TABLES = {"state": State, "daemon": Daemon, "log": Log, "links": Link, "links.fields": FieldRow}
INLINE = {"left": Endpoint, "right": Endpoint, "map": MapRow, "external_id": ExternalId}


@pytest.fixture
def tokens(monkeypatch):
    for name in ("ARTALA", "GITHUB"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", f"token-{name}")


@pytest.fixture
def all_tokens(tokens, monkeypatch):
    for type_ in plugins.types():
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{type_.upper()}__TOKEN", f"token-{type_.upper()}")


def tables():
    """Table as the example names it → its model."""
    connections = {f"connections.{type_}": plugins.find(type_).config for type_ in plugins.types()}
    return {"": Settings, **TABLES, **connections}


def keys(model):
    """The keys that stand as such in a model's table: tables below it have headers of their own."""
    for name, info in model.model_fields.items():
        inner = models_in(info.annotation)
        if name in INLINE or (inner is None and not (model is Settings and is_collection(info.annotation))):
            yield name
    yield from (f"{name}_file" for name in secret_fields(model))


def written():
    """Table → {key: comment above it}, commented-out keys included."""
    found: dict[str, dict[str, str]] = {"": {}}
    table, comment = "", ""
    for line in example().splitlines():
        if header := re.fullmatch(r"\[\[?([\w.-]+)\]\]?", line):
            assert comment, f"[{header[1]}] has no comment"
            table, comment = header[1], ""
            found.setdefault(table, {})
        elif key := re.match(r"(?:# )?(\w+) = ", line):
            found[table][key[1]], comment = comment, ""
        elif line.startswith("# "):
            comment = line
        elif not line:
            comment = ""
    return found


def test_the_example_loads_as_it_is(all_tokens):
    warnings = []

    settings = load(ROOT / "config.example.toml", warn=warnings.append)

    assert warnings == []
    assert [link.name for link in settings.links] == ["app"]
    assert settings.connections["artala"].token.get_secret_value() == "token-ARTALA"


def test_the_example_in_the_root_is_the_one_that_is_shipped():
    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == example()


@pytest.mark.parametrize("table", ["", *TABLES, "connections.artala", "connections.github"])
def test_the_example_has_every_key_with_a_comment(table):
    expected = set(keys(tables()[table]))
    found = written()[table]

    assert expected - set(found) == set()
    assert set(found) - expected == set()
    assert [key for key, comment in found.items() if not comment] == []


def test_the_example_has_a_table_for_every_connector():
    assert {f"connections.{type_}" for type_ in plugins.types()} <= set(written())


def test_the_keys_inside_one_line_tables_are_in_the_example():
    link = tomllib.loads(example())["links"][0]

    commented = re.findall(r"^# (right = .*)$", example(), re.MULTILINE)
    shown = {key for line in commented for key in tomllib.loads(line)["right"]}

    assert set(link["left"]) == set(link["right"]) == set(Endpoint.model_fields) - {"filter", "query"}
    assert shown == set(Endpoint.model_fields)
    assert set(link["fields"][0]["map"][0]) == set(MapRow.model_fields)


def test_the_example_shows_the_defaults(all_tokens):
    settings = load(ROOT / "config.example.toml", warn=print)
    link = settings.links[0]
    bare = Link(name="x", left=link.left, right=link.right)

    assert (settings.daemon, settings.log, settings.allow_inline_secrets) == (Daemon(), Log(), False)
    for name, config in settings.connections.items():
        needed = {key: getattr(config, key) for key, info in type(config).model_fields.items() if info.is_required()}
        assert config == type(config)(**{"token": config.token, **needed}), name
    assert link.model_copy(update={"name": "x", "fields": ()}) == bare


@pytest.mark.parametrize("model", [*tables().values(), *INLINE.values()])
def test_every_key_is_explained_in_its_model(model):
    assert [name for name, info in model.model_fields.items() if not info.description and name != "type"] == []


def test_the_start_loads_with_the_names_given(tokens, tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text(render_init(name="web", board='Ours "new"', repository="acme/web"), encoding="utf-8")
    warnings = []

    settings = load(file, warn=warnings.append)

    assert warnings == []
    link = settings.link("web")
    assert (link.left.container, link.right.container, link.initial) == ('Ours "new"', "acme/web", "match")


def test_the_start_says_where_the_tokens_go():
    assert "BRIDGE_CONNECTIONS__GITHUB__TOKEN" in render_init()
    assert "BRIDGE_CONNECTIONS__ARTALA__TOKEN" in render_init()
    assert len([line for line in render_init().splitlines() if line and not line.startswith("#")]) <= 10


def test_the_reference_is_up_to_date():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert page == reference(), "run: python -m bridge.config.reference > docs/configuration.md"


# --- the schema -------------------------------------------------------------------------------------------------------


def test_the_schema_takes_the_example_and_the_start():
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)

    for text in (example(), render_init()):
        jsonschema.Draft7Validator(schema).validate(tomllib.loads(text))
        assert text.startswith(f"#:schema ./{SCHEMA_FILE}\n")


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.toml")), ids=lambda file: file.stem)
def test_the_schema_takes_the_example_of_each_pair(file):
    jsonschema.Draft7Validator(json_schema()).validate(tomllib.loads(file.read_text(encoding="utf-8")))


def test_the_schema_and_the_models_know_the_same_keys():
    """Of each table: its keys, which of them must be there, and the words that a key may hold."""
    schema = json_schema()
    named = {**TABLES, **INLINE, "": Settings}
    models = {model.__name__: model for model in named.values()}
    models |= {type_: plugins.find(type_).config for type_ in plugins.types()}

    assert schema["$schema"].endswith("draft-07/schema#")
    for name, model in models.items():
        table = schema if model is Settings else schema["$defs"][name]
        files = {f"{secret}_file" for secret in secret_fields(model)}
        must = {key for key, info in model.model_fields.items() if info.is_required()} - set(secret_fields(model))
        assert set(table["properties"]) == set(model.model_fields) | files, name
        assert set(table.get("required", ())) - {"type"} == must - {"type"}, name
        assert table["additionalProperties"] is False, name
        assert [key for key, one in table["properties"].items() if "description" not in one and "$ref" not in one] == []


def test_the_schema_offers_the_words_that_a_key_takes():
    rows = json_schema()["$defs"]["FieldRow"]["properties"]

    for key in ("direction", "transform", "conflict", "kind"):
        assert set(_words(rows[key])) == set(_literals(FieldRow.model_fields[key].annotation)), key


def _words(schema):
    return schema.get("enum") or [word for one in schema.get("anyOf", ()) for word in one.get("enum", ())]


def _literals(annotation):
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return [word for one in get_args(annotation) for word in _literals(one)]


@pytest.mark.parametrize(
    "text",
    [
        "[deamon]",
        "[connections.x]\ntype = 'github'\nper_pge = 1",
        "[connections.x]\nper_page = 1",
        "[connections.x]\ntype = 'unknown'",
        "[[links]]\nname = 'a'",
        "[log]\nlevel = 'loud'",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), json_schema())


def test_the_schema_knows_the_files_of_secrets():
    text = "[state]\nurl_file = 'a'\n[connections.x]\ntype = 'github'\ntoken_file = 'b'\n"

    jsonschema.validate(tomllib.loads(text), json_schema())


# --- the digest -------------------------------------------------------------------------------------------------------


@pytest.fixture
def digest(tmp_path):
    def of(old="", new="", *, also=""):
        file = tmp_path / "bridge.toml"
        assert old in example()
        file.write_text(example().replace(old, new, 1) + also, encoding="utf-8")
        settings = load(file, warn=print)
        return config_hash(settings, settings.links[0])

    return of


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('initial = "match"', 'initial = "create"'),
        ('["Done"]', '["Finished"]'),
        ('conflict = "manual"', 'conflict = "left"'),
        ('github = "alice"', 'github = "alicia"'),
        ("title_max = 200", "title_max = 100"),
        ('container = "acme/app"', 'container = "acme/web"'),
    ],
)
def test_the_digest_changes_with_what_decides_a_write(tokens, digest, old, new):
    assert digest(old, new) != digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('every = "5m"', 'every = "9m"'),
        ("max_writes = 5000", "max_writes = 1"),
        ('name = "app"', 'name = "web"'),
        ("port = 8470", "port = 1"),
        ("enabled = true", ""),
    ],
)
def test_the_digest_stays_when_only_the_timing_changes(tokens, digest, old, new):
    assert digest(old, new) == digest()


def test_the_digest_knows_no_secret_and_no_other_link(tokens, digest, monkeypatch):
    before = digest()
    monkeypatch.setenv("BRIDGE_CONNECTIONS__GITHUB__TOKEN", "another")

    assert digest(also="[connections.other]\ntype = 'github'\n") == before
