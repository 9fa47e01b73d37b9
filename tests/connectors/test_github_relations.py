"""Parents and dependencies of issues: what they cost to read, how they are written, and what GitHub refuses."""

from __future__ import annotations

import pytest
from github_script import ref
from msgspec import structs
from test_github_hooks import hook
from trackers.github import People

from bridge import errors
from bridge.model import FieldType
from connectors.base import Hint, Step
from connectors.github import Github
from connectors.github_config import GithubConfig
from connectors.pace import Retry

BOTH = frozenset({"title", "parent", "blocks"})
NONE = frozenset[str]()


async def _no_sleep(_seconds):
    return None


@pytest.fixture
def people():
    with People() as some:
        some.box.seed(repo="acme/lib")
        yield some


@pytest.fixture
async def github(people):
    config = GithubConfig.model_validate(
        {"base_url": people.box.url, "token": people.box.token(), "write_interval_s": 0, "overlap_s": 0}
    )
    connector = Github("github", config, retry=Retry(sleep=_no_sleep))
    yield connector
    await connector.aclose()


async def pulled(github, cursor=None, fields=BOTH, *, sweep=False):
    return [page async for page in github.pull("acme/app", "task", cursor, fields=fields, sweep=sweep)]


async def known(github, item, fields=BOTH):
    return await github.fetch(ref(int(item)), fields=fields)


async def write(github, item, name, value, current=None):
    current = current or await known(github, item)
    return await github.update(ref(int(item)), Step(name, frozenset({name})), {name: value}, current)


def sent(people):
    return people.requests()


# ------------------------------------------------------------------------------------------------ reading


async def test_a_list_shows_parents_for_nothing_and_asks_only_those_that_block_some(people, github):
    above = people.create("above")
    below = people.create("below", parent=above)
    blocker = people.create("blocker", blocks=[above, below])
    for place in range(5):
        people.create(f"other {place}")

    before = sent(people)
    [page] = await pulled(github)
    fields = {record.ref.id: record.fields for record in page.records}

    assert sent(people) - before == 2
    assert (fields[below]["parent"], fields[above]["parent"]) == (above, None)
    assert fields[blocker]["blocks"] == (above, below)
    assert fields[above]["blocks"] == ()


async def test_what_no_mapping_names_costs_nothing(people, github):
    above = people.create("above")
    people.create("blocker", blocks=[above])
    cursor = (await pulled(github, fields=frozenset({"title"})))[-1].cursor
    before = sent(people)

    await pulled(github, fields=frozenset({"title"}))
    [page] = await pulled(github, cursor, frozenset({"title"}), sweep=True)
    record = await known(github, "2", frozenset({"title"}))

    assert sent(people) - before == 3
    assert page.sweep is None
    assert "blocks" not in record.fields


async def test_a_quiet_list_is_one_request_with_relations_as_well(people, github):
    above = people.create("above")
    people.create("blocker", blocks=[above])
    cursor = (await pulled(github))[-1].cursor
    [page] = await pulled(github, cursor)
    before = sent(people)

    [page] = await pulled(github, page.cursor)

    assert (page.quiet, sent(people) - before) == (True, 1)


async def test_a_sweep_shows_relations_that_moved_nothing(people, github):
    first, second, third = (people.create(name) for name in ("first", "second", "third"))
    cursor = (await pulled(github))[-1].cursor
    people.edit(second, parent=first)
    people.edit(third, blocks=[first])

    page = (await pulled(github, cursor, sweep=True))[-1]

    assert page.sweep == {second: {"parent": first, "blocks": ()}, third: {"parent": None, "blocks": (first,)}}
    assert page.sweep_default == {"parent": None, "blocks": ()}
    page = (await pulled(github, cursor, frozenset({"title", "parent"}), sweep=True))[-1]
    assert (page.sweep, page.sweep_default) == ({second: {"parent": first}}, {"parent": None})


async def test_issues_of_other_repositories_are_named_with_theirs(people, github):
    here = people.create("here")
    status, _ = people.box.call("POST", "/repos/acme/lib/issues", {"title": "there"}, who="alice")
    assert status == 201
    mine = people.box.call("GET", f"/repos/acme/app/issues/{here}", who="alice")[1]
    people.box.call("POST", "/repos/acme/lib/issues/1/sub_issues", {"sub_issue_id": mine["id"]}, who="alice")
    path = "/repos/acme/lib/issues/1/dependencies/blocked_by"
    people.box.call("POST", path, {"issue_id": mine["id"]}, who="alice")

    record = await known(github, here)
    assert (record.fields["parent"], record.fields["blocks"]) == ("acme/lib#1", ("acme/lib#1",))

    await write(github, here, "parent", None, record)
    assert await write(github, here, "blocks", (), record)
    again = await known(github, here)
    assert (again.fields["parent"], again.fields["blocks"]) == (None, ())


async def test_the_schema_says_that_no_feed_shows_them(github):
    fields = (await github.schema("acme/app", "task", fields=NONE)).fields

    assert (fields["parent"].type, fields["blocks"].type) == (FieldType.REF, FieldType.REFS)
    assert not fields["parent"].in_feed
    assert not fields["blocks"].in_feed


# ------------------------------------------------------------------------------------------------ writing


def test_relations_are_steps_after_the_create_and_beside_the_update(github):
    def names(*fields, creating):
        return [(step.name, set(step.fields)) for step in github.steps("task", fields, creating=creating)]

    assert names("title", "status", "parent", "blocks", creating=True) == [
        ("create", {"title"}),
        ("state", {"status"}),
        ("parent", {"parent"}),
        ("blocks", {"blocks"}),
    ]
    assert names("title", "status", "blocks", creating=False) == [
        ("issue", {"title", "status"}),
        ("blocks", {"blocks"}),
    ]
    assert names("parent", creating=False) == [("parent", {"parent"})]


async def test_a_parent_is_set_changed_and_taken_away_by_one_request_each(people, github):
    first, second, child = (people.create(name) for name in ("first", "second", "child"))
    record = await known(github, child)

    for parent in (first, second, None):
        before = sent(people)
        record = await write(github, child, "parent", parent, record)
        assert sent(people) - before == 1
        assert people.task(child)["parent"] == record.fields["parent"] == parent


async def test_each_issue_that_is_blocked_anew_or_no_more_is_one_request(people, github):
    made = [people.create(f"issue {place}") for place in range(4)]
    record = await known(github, made[0])

    for wanted, requests in ((made[1:3], 2), (made[2:4], 2), ([], 2)):
        before = sent(people)
        record = await write(github, made[0], "blocks", tuple(wanted), record)
        assert sent(people) - before == requests
        assert people.task(made[0])["blocks"] == set(record.fields["blocks"]) == set(wanted)


async def test_a_record_of_old_costs_one_look_before_the_write(people, github):
    above, child = people.create("above"), people.create("child")
    record = await known(github, child)
    old = structs.replace(record, fields={"title": "child"})
    before = sent(people)

    await write(github, child, "parent", above, old)

    assert sent(people) - before == 2
    assert people.task(child)["parent"] == above


async def test_the_answer_to_another_write_keeps_what_the_issue_blocks(people, github):
    first, second = people.create("first"), people.create("second")
    people.edit(second, blocks=[first])
    record = await known(github, second)

    kept = await github.update(ref(int(second)), Step("issue", NONE), {"title": "Second"}, record)

    assert kept.fields["blocks"] == (first,)
    assert kept.version == (await known(github, second)).version


async def test_a_list_that_lags_behind_a_relation_shows_the_version_from_before(people, github):
    above, child = people.create("above"), people.create("child")
    record = await known(github, child)

    written = await write(github, child, "parent", above, record)

    assert (written.version, written.provisional) == (record.version, True)
    assert (await known(github, child)).version != record.version


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error"])
@pytest.mark.parametrize(("name", "path"), [("parent", "/sub_issues"), ("blocks", "/blocked_by")])
async def test_a_relation_whose_answer_is_lost_is_written_once(people, github, fault, name, path):
    one, other = people.create("one"), people.create("other")
    record = await known(github, one)
    people.box.fault(fault, method="POST", path=path)

    value = other if name == "parent" else (other,)
    written = await write(github, one, name, value, record)

    assert written.fields[name] == value
    assert people.task(one)[name] == (other if name == "parent" else {other})


async def test_a_relation_that_is_gone_already_is_taken_as_removed(people, github):
    above, child = people.create("above"), people.create("child")
    people.edit(child, parent=above, blocks=[above])
    record = await known(github, child)
    people.edit(child, parent=None, blocks=[])

    assert (await write(github, child, "parent", None, record)).fields["parent"] is None
    assert (await write(github, child, "blocks", (), record)).fields["blocks"] == ()


async def test_a_cycle_is_refused_with_githubs_reason_and_the_field(people, github):
    above, child = people.create("above"), people.create("child")
    people.edit(child, parent=above)
    people.edit(child, blocks=[above])

    with pytest.raises(errors.RejectedError, match="cycle") as refused:
        await write(github, above, "parent", child)
    assert refused.value.field == "parent"
    with pytest.raises(errors.RejectedError, match="cycle") as refused:
        await write(github, above, "blocks", (child,))
    assert refused.value.field == "blocks"


async def test_one_refused_dependency_keeps_no_other_from_being_written(people, github):
    first, second, third = (people.create(name) for name in ("first", "second", "third"))
    people.edit(first, blocks=[second])

    with pytest.raises(errors.RejectedError, match=f"as blocking {first}"):
        await write(github, second, "blocks", (first, third))

    assert people.task(second)["blocks"] == {third}


async def test_a_parent_that_was_deleted_is_a_refusal_and_a_child_that_was_is_gone(people, github):
    above, child = people.create("above"), people.create("child")
    record = await known(github, child)
    people.delete(above)

    with pytest.raises(errors.RejectedError):
        await write(github, child, "parent", above, record)
    people.delete(child)
    with pytest.raises(errors.GoneError):
        await write(github, child, "parent", above, record)


async def test_a_reader_may_relate_nothing(people, github):
    above, child = people.create("above"), people.create("child")
    record = await known(github, child)
    people.box.act("role", repo="acme/app", login="bridge-bot", role="read")

    with pytest.raises(errors.ContainerError, match="push access"):
        await write(github, child, "parent", above, record)


# ------------------------------------------------------------------------------------------------ webhooks


@pytest.mark.parametrize(
    ("event", "payload", "hint"),
    [
        ("sub_issues", {"sub_issue": {"number": 3}, "parent_issue": {"number": 2}}, ("Acme/App", "3")),
        (
            "sub_issues",
            {"sub_issue": {"number": 3}, "sub_issue_repo": {"full_name": "acme/lib"}, "parent_issue": {"number": 2}},
            ("acme/lib", "3"),
        ),
        ("issue_dependencies", {"blocking_issue": {"number": 4}, "blocked_issue": {"number": 5}}, ("Acme/App", "4")),
        (
            "issue_dependencies",
            {"blocking_issue": {"number": 4}, "blocking_issue_repo": {"full_name": "acme/lib"}},
            ("acme/lib", "4"),
        ),
    ],
)
def test_a_webhook_hints_at_the_issue_whose_field_changed(event, payload, hint):
    assert hook(event, **payload).hints == (Hint(hint[0], "task", hint[1]),)
