"""The terms of a link: they change with what is synced and how, and with nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bridge.config import plugins
from bridge.config.example import example
from bridge.config.loader import load
from bridge.config.settings import Endpoint, FieldRow, Link, Settings
from bridge.config.terms import ELSEWHERE, HARMLESS, PLACE, deciding, terms_of
from bridge.engine.accepted import changes


@pytest.fixture
def terms(tmp_path, monkeypatch):
    for name in ("ARTALA", "GITHUB"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", f"token-{name}")

    def of(old="", new="", *, text=""):
        file = tmp_path / "bridge.toml"
        text = text or example()
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        settings = load(file, warn=print)
        return terms_of(settings, settings.links[0])

    return of


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('conflict = "manual"', 'conflict = "left"', ["conflict: manual → left"]),
        ('match = ["title"]', 'match = ["status"]', ["match: title → status"]),
        ('kinds = ["task"]', 'kinds = ["task", "label"]', None),
        (
            '["Done"]',
            '["Finished"]',
            [
                'row task "status = status" map: Done = closed, closed:not_planned, closed:duplicate → '  # noqa: ISC004
                "Finished = closed, closed:not_planned, closed:duplicate"
            ],
        ),
        ('on_delete = "unlink"', 'on_delete = "close"', ["on_delete: nothing → close"]),
        ('unknown_person = "leave"', 'unknown_person = "unassign"', None),
        (
            'github = "alice"',
            'github = "alicia"',
            ['person "alice@example.com = alice" is gone', 'person "alice@example.com = alicia" is new'],
        ),
        ('direction = "both"', 'direction = "off"', ['row task "status = status" direction: both → off']),
        ('left = "status"\n', 'left = "priority"\n', None),
        ("spend_comments = false", "spend_comments = true", ["connection github spend_comments: nothing → true"]),
        (
            'priorities = ["critical", "high", "medium", "low", "none"]',
            'priorities = ["high", "low"]',
            ["connection artala priorities: nothing → high, low"],
        ),
    ],
)
def test_the_terms_change_with_what_is_synced_and_the_change_is_said(terms, old, new, said):
    found = changes(terms(), terms(old, new))

    assert found
    assert all("bridge.toml:" in each.origin or each.origin.startswith("preset") for each in found)
    assert said in (None, [str(replace(each, origin="")) for each in found])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('every = "5m"', 'every = "9m"'),
        ("max_writes = 5000", "max_writes = 1"),
        ("max_deletes = 10", "max_deletes = 11"),
        ("page_size = 1000", "page_size = 900"),
        ("auto_accept = false", "auto_accept = true"),
        ("[[links.fields]]\n", "# a line more\n\n[[links.fields]]\n"),
    ],
)
def test_the_terms_leave_out_when_how_much_and_where_in_the_file(terms, old, new):
    assert changes(terms(), terms(old, new)) == ()


def test_a_row_that_stands_elsewhere_in_the_file_is_the_same_row(terms):
    row = '\n[[links.fields]]\nleft = "title"\nright = "title"\n'
    before, after = example().split("# One field of the left side joined", 1)

    moved = terms(text=f"{before}{row}# One field of the left side joined{after}")

    assert changes(moved, terms(text=f"{example()}{row}")) == ()


def test_a_key_at_its_default_is_no_part_of_the_terms(terms):
    assert '"transform":"same"' not in terms()


def test_no_secret_is_in_the_terms(terms):
    assert "token-" not in terms()
    assert set(json.loads(terms())["connections"]) == {"artala", "github"}


# --- where it stands, and which Bridge brought it ---------------------------------------------------------------------


def test_a_change_says_where_it_stands_and_what_is_gone_where_it_stood(terms):
    row = '\n[[links.fields]]\nleft = "title"\nright = "title"\nconflict = "left"\n'
    line = len(example().splitlines()) + 2

    assert [str(each) for each in changes(terms(), terms(text=example() + row))] == [
        f'row task "title = title" conflict: nothing → left [bridge.toml:{line}]'
    ]
    gone = changes(terms(text=example() + row.replace("title", "Effort")), terms())
    assert [str(each) for each in gone] == [f'row task "Effort = Effort" is gone [was bridge.toml:{line}]']


def test_a_preset_that_a_newer_bridge_changed_is_said_with_both_versions(terms):
    older = json.loads(terms())
    name = "labels = labels"
    older["told"] = {"bridge": "0.0.9", "origins": older["told"]["origins"]}
    older["told"]["origins"]["rows"]["task"]["tags = labels"] = "preset artala-github"
    older["rows"]["task"]["tags = labels"] = older["rows"]["task"].pop(name)

    assert [str(each) for each in changes(json.dumps(older), terms())] == [
        f'row task "{name}" is new (both) [preset artala-github of Bridge 0.1.0]',
        'row task "tags = labels" is gone [was preset artala-github of Bridge 0.0.9]',
    ]


# --- nothing is forgotten: a key that somebody adds is asked about, or named as harmless ------------------------------

OF_LINK = {
    "kinds": ["task", "label"], "initial": "create", "match": ["status"], "external_id": {"left": "custom.Ref"},
    "first_contact": "left", "conflict": "newest", "conflict_comments": "left", "conflict_answers_by": ["sam"],
    "on_delete": "close", "on_part_delete": "delete", "delete_label": "gone", "origin_line": "both",
}  # fmt: skip
OF_ROW = {
    "direction": "off", "transform": "choice", "map": [{"left": "a", "right": "b"}], "unknown": "create",
    "left_default": "a", "right_default": "b", "left_prefix": "l:", "right_prefix": "r:", "normal": "case",
    "conflict": "left", "too_long": "park", "left_limit": 500, "right_limit": 500,
}  # fmt: skip
IN_PLACE_OF_A_FIELD = {"value": "x", "expression": "item.title"}
OF_END = {"filter": "item.title != ''", "query": "labels = sync"}
HARMLESS_THERE = {
    # who asks whom, and how it is let in
    "type", "base_url", "token", "email", "webhook_secret", "ca_file", "person_keys", "key_user", "key_expires_on",
    "user_agent", "api_version", "dialect", "signature_header", "verify_signature", "site_url", "task_url",
    # how often, how fast, how much at once
    "page_size", "smallest_server_page", "overlap_s", "sweep_every", "index_lag_s", "requests_per_minute", "concurrency",
    "concurrent_writes", "write_interval_s", "writes_per_minute", "reserve_percent", "timeout_s", "people_every_s",
    "comments_every", "comments_per_poll", "comments_per_sweep", "comments_sweep_max", "time_window_days",
    "time_sweep_days", "time_walk_s", "subtasks_per_sweep", "worklog_lag_s", "key_check_s", "audit_limit", "walk_every_s",
    # what the server can do
    "labels_move_updated", "comments_move_updated", "field_values_have_board", "put_is_full_replace",
    "patch_is_full_replace", "read_before_write", "read_after_create", "read_back", "board_read", "encoding",
    "search_properties", "updated_literal", "max_hops", "notify_users", "finalize_directly", "task_id_on_create",
    "can_reassign", "change_feed", "tasks_path", "custom_fields_on_create", "custom_fields_merge", "updated_field",
    "deleted_field", "rows_have_project", "status_on_create", "sort_by_change",
    # what may be done where the link asks for it
    "allow_task_delete", "allow_subtask_delete", "delete_subtasks", "delete_replies",
}  # fmt: skip


def settings_of(link: dict[str, object], row: dict[str, object]) -> tuple[Settings, Link]:
    models = {name: plugins.find(name).config for name in ("artala", "github")}
    keys = {"base_url": "https://tracker.test", "token": "secret"}
    connections = {name: model.model_validate({"type": name, **keys}) for name, model in models.items()}
    ends = {side: {"connection": name, "container": "x"} for side, name in (("left", "artala"), ("right", "github"))}
    fields = [{"left": "custom.A", "right": "custom.B", **row}]
    made = Link.model_validate({"name": "app", **ends, "fields": fields, **link})
    return Settings(connections=connections, links=(made,)), made


def changed(link: dict[str, object] | None = None, row: dict[str, object] | None = None) -> bool:
    before, after = settings_of({}, {}), settings_of(link or {}, row or {})
    return bool(changes(terms_of(*before), terms_of(*after)))


def test_each_key_of_a_link_is_in_the_terms_or_named_as_harmless():
    assert set(Link.model_fields) == {*OF_LINK, *HARMLESS, *ELSEWHERE}
    assert [key for key, value in OF_LINK.items() if not changed(link={key: value})] == []
    assert not changed(link={"every": 7, "max_writes": 1, "auto_accept": True})
    assert changed(link={"preset": "none"})


def test_each_key_of_a_row_is_in_the_terms():
    assert set(FieldRow.model_fields) == {"left", "right", "kind", *OF_ROW, *IN_PLACE_OF_A_FIELD}
    assert [key for key, value in OF_ROW.items() if not changed(row={key: value})] == []
    for key, value in IN_PLACE_OF_A_FIELD.items():
        assert changed(row={key: value, "left": None})
        assert changed(row={key: value, "right": None})
    assert changed(row={"left": "custom.C"})
    assert changed(row={"right": "custom.C"})


def test_each_key_of_an_end_is_in_the_terms():
    assert set(Endpoint.model_fields) == {*OF_END, *PLACE}
    end = {"connection": "artala", "container": "x"}
    assert [key for key, value in OF_END.items() if not changed(link={"left": {**end, key: value}})] == []


@pytest.mark.parametrize("tracker", sorted(plugins.types()))
def test_each_setting_of_a_connection_decides_something_or_is_named_as_harmless(tracker):
    model = plugins.find(tracker).config

    assert {*model.model_fields} - deciding(model) - HARMLESS_THERE == set()
    assert deciding(model) & HARMLESS_THERE == set()
    assert [name for name in deciding(model) if SecretStr in _parts(model.model_fields[name].annotation)] == []


def test_each_part_of_a_configuration_is_in_the_terms_or_only_says_how_bridge_runs():
    assert set(Settings.model_fields) == {
        "allow_inline_secrets", "state", "daemon", "log", "connections", "people", "links",
    }  # fmt: skip


def _parts(annotation: object) -> set[object]:
    return {annotation, *getattr(annotation, "__args__", ())}
