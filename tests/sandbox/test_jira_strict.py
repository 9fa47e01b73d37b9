"""The Jira sandbox refuses what Jira refuses, in both dialects, and answers in Jira's forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sandbox.asking import ask
from sandbox.jira_asking import credentials, done, fields, go, issue, made, said, text

from bridge.sandbox.server import Sandbox


@pytest.fixture(params=["jira", "jira-dc"])
def jira(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(request.param) as box:
        yield box


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox("jira") as box:
        yield box


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox("jira-dc") as box:
        yield box


def person(box: Sandbox, name: str) -> dict[str, str]:
    return {"accountId": box.store.people[name].account} if box.tracker.is_cloud else {"name": name}


# --- who may come in ----------------------------------------------------------------------------------------------


def test_bad_credentials_of_cloud_are_nobodys_and_see_nothing(cloud: Sandbox) -> None:
    number = made(cloud)
    bad = {"authorization": "Basic bm9ib2R5OndoYXQ="}

    assert ask(cloud, "GET", "/rest/api/3/serverInfo", authorization=None).status == 200
    assert ask(cloud, "GET", "/rest/api/3/myself", **bad).status == 401
    got = ask(cloud, "GET", f"/rest/api/3/issue/{number}", **bad)
    assert (got.status, got.headers["x-seraph-loginreason"]) == (404, "AUTHENTICATED_FAILED")
    assert ask(cloud, "POST", "/rest/api/3/issue", fields(), **bad).status == 401


def test_an_api_token_is_no_bearer_token_but_a_scoped_one_is_at_the_platforms_address(cloud: Sandbox) -> None:
    bearer = {"authorization": f"Bearer {cloud.token()}"}

    assert ask(cloud, "GET", "/rest/api/3/myself", **bearer).status == 401
    assert ask(cloud, "GET", "/ex/jira/1324a887/rest/api/3/myself", **bearer).status == 200


def test_data_center_takes_bearer_and_basic_and_says_who_is_asking(server: Sandbox) -> None:
    got = said(server, "GET", "/myself")
    assert (got.status, got.headers["x-ausername"], got.body["name"]) == (200, "bridge-bot", "bridge-bot")
    assert ask(server, "GET", "/rest/api/2/myself", authorization="Bearer wrong").status == 401
    anonymous = ask(server, "GET", "/rest/api/2/serverInfo", authorization=None)
    assert (anonymous.headers["x-ausername"], anonymous.body["deploymentType"]) == ("anonymous", "Server")


def test_a_captcha_is_403_with_its_reason_and_a_browsers_user_agent_is_refused(server: Sandbox) -> None:
    browser = ask(server, "POST", "/rest/api/2/issue", fields(), user_agent="Mozilla/5.0 (X11)")
    server.act("captcha", who="bridge-bot")
    got = said(server, "GET", "/myself")

    assert browser.status == 403
    assert got.status == 403
    assert got.headers["x-authentication-denied-reason"].startswith("CAPTCHA_CHALLENGE")


def test_data_center_may_live_below_a_context_path() -> None:
    with Sandbox("jira-dc", context="/jira") as box:
        assert said(box, "GET", "/serverInfo").body["baseUrl"].endswith("/jira")
        assert ask(box, "GET", "/rest/api/2/serverInfo").status == 404


def test_what_a_person_may_not_see_is_404_and_may_not_do_403(jira: Sandbox) -> None:
    number = made(jira)

    assert said(jira, "GET", f"/issue/{number}", who="outsider").status == 404
    assert said(jira, "PUT", f"/issue/{number}", {"fields": {"summary": "y"}}, who="reader").status == 403
    assert said(jira, "GET", f"/issue/{number}/transitions", who="reader").body["transitions"] == []
    jira.act("revoke", who="bridge-bot", right="BROWSE_PROJECTS", project="APP")
    assert said(jira, "GET", f"/issue/{number}").status == 404
    assert said(jira, "GET", "/project/APP").status == 404


def test_permissions_are_told_and_cloud_wants_them_named(cloud: Sandbox, server: Sandbox) -> None:
    got = said(cloud, "GET", "/mypermissions", permissions="EDIT_ISSUES,MODIFY_REPORTER", projectKey="APP").body
    held = {name: row["havePermission"] for name, row in got["permissions"].items()}

    assert held == {"EDIT_ISSUES": True, "MODIFY_REPORTER": False}
    assert said(cloud, "GET", "/mypermissions").status == 400
    assert said(cloud, "GET", "/mypermissions", permissions="FLY").status == 400
    assert len(said(server, "GET", "/mypermissions").body["permissions"]) > 20


# --- creating and editing -----------------------------------------------------------------------------------------


def test_a_create_answers_with_id_key_and_self_only_and_makes_its_properties(jira: Sandbox) -> None:
    body = fields() | {"properties": [{"key": "org.sync", "value": {"id": "T-1"}}]}
    got = said(jira, "POST", "/issue", body)

    assert (got.status, set(got.body)) == (201, {"id", "key", "self"})
    whole = done(jira, "GET", f"/issue/{got.body['key']}", properties="org.sync")
    assert whole["properties"] == {"org.sync": {"id": "T-1"}}
    assert (whole["id"], whole["fields"]["status"]["name"]) == (got.body["id"], "To Do")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"summary": ""}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"summary": "x" * 256}, "summary"),
        ({"labels": ["two words"]}, "labels"),
        ({"labels": ["x" * 256]}, "labels"),
        ({"priority": {"name": "Urgent"}}, "priority"),
        ({"issuetype": {"name": "Chore"}}, "issuetype"),
        ({"issuetype": {"name": "Sub-task"}}, "parent"),
        ({"duedate": "2026-02-30"}, "duedate"),
        ({"duedate": "2026-01-02T00:00:00Z"}, "duedate"),
        ({"components": [{"name": "none"}]}, "components"),
        ({"timetracking": {"originalEstimate": "soon"}}, "timetracking"),
        ({"customfield_10031": {"value": "Huge"}}, "customfield_10031"),
        ({"customfield_10016": "5"}, "customfield_10016"),
        ({"status": {"name": "Done"}}, "status"),
        ({"reporter": {"accountId": "x", "name": "ann"}}, "reporter"),
        ({"customfield_99999": "x"}, "customfield_99999"),
        ({"project": {"key": "NONE"}}, "project"),
    ],
)
def test_a_bad_issue_is_400_naming_the_field(jira: Sandbox, members: dict[str, Any], field: str) -> None:
    got = said(jira, "POST", "/issue", fields(**members))

    assert got.status == 400
    assert list(got.body["errors"]) == [field]
    assert jira.log == []


def test_texts_are_adf_on_cloud_and_strings_on_data_center(cloud: Sandbox, server: Sandbox) -> None:
    doc = text(cloud, "hello")

    assert said(cloud, "POST", "/issue", fields(description="h1. wiki")).body["errors"].keys() == {"description"}
    assert said(server, "POST", "/issue", fields(description=doc)).body["errors"].keys() == {"description"}
    assert issue(cloud, made(cloud, description=doc))["description"] == doc
    assert issue(server, made(server, description="h1. wiki"))["description"] == "h1. wiki"
    assert said(server, "POST", "/issue", fields(description="x" * 32_768)).status == 400


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "not in a paragraph"}],
        [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}],
        [
            {
                "type": "bulletList",
                "content": [{"type": "listItem", "content": [{"type": "heading", "attrs": {"level": 1}}]}],
            }
        ],
        [{"type": "codeBlock", "content": [{"type": "text", "text": "x", "marks": [{"type": "strong"}]}]}],
        [
            {
                "type": "paragraph",
                "content": [{"type": "text", "text": "x", "marks": [{"type": "code"}, {"type": "em"}]}],
            }
        ],
        [{"type": "heading", "content": []}],
        [{"type": "carousel"}],
    ],
)
def test_a_document_that_is_no_adf_is_refused(cloud: Sandbox, content: list[Any]) -> None:
    doc = {"type": "doc", "version": 1, "content": content}

    assert said(cloud, "POST", "/issue", fields(description=doc)).status == 400


def test_adf_is_stored_with_its_text_nodes_joined_and_unknown_attributes_kept(cloud: Sandbox) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "marks": []}]
    panel = {"type": "panel", "attrs": {"panelType": "info"}, "content": [{"type": "paragraph", "content": parts}]}
    number = made(cloud, description={"type": "doc", "version": 1, "content": [panel]})

    stored = issue(cloud, number)["description"]["content"][0]
    assert (stored["attrs"], stored["content"][0]["content"]) == (
        {"panelType": "info"},
        [{"type": "text", "text": "ab"}],
    )


def test_people_are_account_ids_on_cloud_and_names_on_data_center(cloud: Sandbox, server: Sandbox) -> None:
    account = cloud.store.people["bob"].account

    assert issue(cloud, made(cloud, assignee={"accountId": account}))["assignee"]["accountId"] == account
    assert said(cloud, "POST", "/issue", fields(assignee={"name": "bob"})).body["errors"].keys() == {"assignee"}
    assert issue(server, made(server, assignee={"name": "bob"}))["assignee"]["name"] == "bob"
    assert said(server, "POST", "/issue", fields(assignee={"accountId": account})).body["errors"].keys() == {"assignee"}
    assert said(server, "POST", "/issue", fields(assignee={"name": "reader"})).body["errors"].keys() == {"assignee"}


def test_the_assignee_alone_can_be_set_unset_and_left_to_the_project(jira: Sandbox) -> None:
    number = made(jira)
    name = "accountId" if jira.tracker.is_cloud else "name"
    seen = []
    for value in (person(jira, "bob")[name], None, "-1"):
        assert said(jira, "PUT", f"/issue/{number}/assignee", {name: value}).status == 204
        seen.append((issue(jira, number)["assignee"] or {}).get("displayName"))

    assert seen == ["Bob Baker", None, "Ann Archer"]


def test_labels_are_added_and_removed_without_replacing_peoples_own(jira: Sandbox) -> None:
    number = made(jira, labels=["b", "a", "a"])
    update = {"labels": [{"add": "c"}, {"remove": "a"}]}

    assert said(jira, "PUT", f"/issue/{number}", {"update": update}).status == 204
    assert issue(jira, number)["labels"] == ["b", "c"]
    both = said(jira, "PUT", f"/issue/{number}", {"fields": {"labels": []}, "update": update})
    assert (both.status, list(both.body["errors"])) == (400, ["labels"])
    assert said(jira, "PUT", f"/issue/{number}", {"update": {"summary": [{"add": "x"}]}}).status == 400


def test_a_write_of_nothing_and_a_property_move_no_time_stamp(jira: Sandbox) -> None:
    number = made(jira, labels=["a"])
    jira.clock.advance(60)
    before = issue(jira, number)["updated"]
    done(jira, "PUT", f"/issue/{number}", {"fields": {"summary": "x", "labels": ["a"]}})
    created = said(jira, "PUT", f"/issue/{number}/properties/org.sync", {"id": 1}).status
    again = said(jira, "PUT", f"/issue/{number}/properties/org.sync", {"id": 2}).status

    assert (created, again) == (201, 200)
    assert issue(jira, number)["updated"] == before
    assert done(jira, "GET", f"/issue/{number}/properties/org.sync") == {"key": "org.sync", "value": {"id": 2}}
    assert said(jira, "PUT", f"/issue/{number}/properties/big", "x" * 40_000).status == 400
    assert said(jira, "DELETE", f"/issue/{number}/properties/org.sync").status == 204
    assert said(jira, "GET", f"/issue/{number}/properties/org.sync").status == 404


def test_cloud_can_answer_an_edit_with_the_issue_and_silence_needs_an_administrator(jira: Sandbox) -> None:
    number = made(jira)
    body = {"fields": {"summary": "y"}}

    assert said(jira, "PUT", f"/issue/{number}", body, notifyUsers="false").status == 403
    assert said(jira, "PUT", f"/issue/{number}", body, notifyUsers="false", who="ann").status == 204
    got = said(jira, "PUT", f"/issue/{number}", {"fields": {"summary": "z"}}, returnIssue="true")
    assert got.status == (200 if jira.tracker.is_cloud else 204)
    if jira.tracker.is_cloud:
        assert got.body["fields"]["summary"] == "z"


def test_many_issues_are_made_at_once_and_each_fails_alone(jira: Sandbox) -> None:
    got = said(jira, "POST", "/issue/bulk", {"issueUpdates": [fields(), fields(summary=""), fields(summary="z")]})

    assert (got.status, [row["key"] for row in got.body["issues"]]) == (201, ["APP-1", "APP-2"])
    assert [row["failedElementNumber"] for row in got.body["errors"]] == [1]
    assert said(jira, "POST", "/issue/bulk", {"issueUpdates": [fields(summary="")]}).status == 400
    assert said(jira, "POST", "/issue/bulk", {"issueUpdates": [fields()] * 51}).status == 400


def test_fields_that_are_off_the_screen_are_refused_and_not_in_the_metadata() -> None:
    with Sandbox("jira", off_screen="priority", hidden="duedate", required="customfield_10030") as box:
        missing = said(box, "POST", "/issue", fields())
        off = said(box, "POST", "/issue", fields(priority={"name": "High"}, customfield_10030="Acme"))
        number = made(box, customfield_10030="Acme")
        known = done(box, "GET", f"/issue/{number}/editmeta")["fields"]
        rows = done(box, "GET", "/issue/createmeta/APP/issuetypes/10001")["fields"]

        assert (missing.status, list(missing.body["errors"])) == (400, ["customfield_10030"])
        assert "appropriate screen" in off.body["errors"]["priority"]
        assert not {"priority", "duedate", "reporter"} & set(known)
        assert {row["fieldId"] for row in rows if row["required"]} == {
            "summary", "issuetype", "project", "customfield_10030"
        }  # fmt: skip
        assert ("duedate" in issue(box, number), "priority" in issue(box, number)) == (False, True)
        assert "duedate" not in {row["id"] for row in done(box, "GET", "/field")}


def test_custom_fields_have_the_shapes_of_their_types(jira: Sandbox) -> None:
    number = made(
        jira,
        customfield_10015="2026-01-02",
        customfield_10016=5,
        customfield_10030="Acme",
        customfield_10031={"value": "High"},
        customfield_10033=[{"value": "Linux"}, {"id": "100332"}],
        customfield_10035="2026-01-02T03:04:05.000+0000",
        customfield_10036=person(jira, "bob"),
    )
    got = issue(jira, number)

    assert (got["customfield_10015"], got["customfield_10016"], got["customfield_10030"]) == ("2026-01-02", 5.0, "Acme")
    assert got["customfield_10031"]["value"] == "High"
    assert [row["value"] for row in got["customfield_10033"]] == ["Linux", "Windows"]
    assert got["customfield_10035"] == "2026-01-02T04:04:05.000+0100"
    assert got["customfield_10036"]["displayName"] == "Bob Baker"
    names = {row["name"]: row for row in done(jira, "GET", "/field")}
    assert ("Epic Link" in names) is not jira.tracker.is_cloud
    assert names["Story Points"]["schema"]["custom"].endswith(":float")


def test_instants_are_in_the_readers_zone_with_an_offset_without_colon(jira: Sandbox) -> None:
    jira.clock.freeze("2026-07-01T12:00:00Z")
    number = made(jira)
    seen = {who: issue(jira, number, who=who)["created"] for who in ("bridge-bot", "ann", "bob", "cem")}

    assert seen == {
        "bridge-bot": "2026-07-01T14:00:00.000+0200",
        "ann": "2026-07-01T08:00:00.000-0400",
        "bob": "2026-07-01T12:00:00.000+0000",
        "cem": "2026-07-01T17:30:00.000+0530",
    }


def test_unknown_members_are_refused_and_paths_that_are_gone_too(cloud: Sandbox) -> None:
    assert said(cloud, "POST", "/issue", fields() | {"feilds": {}}).status == 400
    assert said(cloud, "GET", "/search", jql="project = APP").status == 404
    assert said(cloud, "GET", "/issue/createmeta").status == 404
    got = ask(cloud, "POST", "/rest/api/3/issue", b"{", authorization=credentials(cloud, "ann"))
    assert (got.status, set(got.body)) == (400, {"errorMessages", "errors"})


# --- workflow -----------------------------------------------------------------------------------------------------


def test_status_moves_by_transitions_only_and_not_everywhere_at_once(jira: Sandbox) -> None:
    number = made(jira)
    names = []
    for step in ("Start", "Ask for review", "Finish"):
        rows = done(jira, "GET", f"/issue/{number}/transitions")["transitions"]
        names.append({row["to"]["name"] for row in rows})
        go(jira, number, step)
    got = issue(jira, number)

    assert names == [{"In Progress", "Cancelled"}, {"In Review", "To Do"}, {"Done", "In Progress"}]
    assert (got["status"]["statusCategory"]["key"], got["resolution"]["name"]) == ("done", "Done")
    assert re.fullmatch(r".*[+-]\d{4}", got["resolutiondate"])
    go(jira, number, "Reopen")
    assert (issue(jira, number)["resolution"], issue(jira, number)["resolutiondate"]) == (None, None)
    assert said(jira, "PUT", f"/issue/{number}", {"fields": {"status": {"name": "Done"}}}).status == 400


def test_an_unknown_transition_is_400_on_cloud_and_500_on_data_center(jira: Sandbox) -> None:
    path = f"/issue/{made(jira)}/transitions"

    assert said(jira, "POST", path, {"transition": {"id": "999"}}).status == (400 if jira.tracker.is_cloud else 500)
    assert said(jira, "POST", path, {"transition": {"id": "31"}}).status == 400
    assert said(jira, "POST", path, {"transition": {"id": 11}}).status == 400


def test_transition_ids_differ_from_project_to_project(jira: Sandbox) -> None:
    other = made(jira, project={"key": "OPS"})
    here, there = (
        {row["id"] for row in done(jira, "GET", f"/issue/{number}/transitions")["transitions"]}
        for number in (made(jira), other)
    )

    assert (here, there) == ({"11", "71"}, {"211", "271"})


def test_a_transition_may_require_a_field_and_takes_only_those_of_its_screen() -> None:
    with Sandbox("jira", done_required="resolution") as box:
        number = made(box)
        path = f"/issue/{number}/transitions"
        cancel = next(
            row
            for row in done(box, "GET", path, expand="transitions.fields")["transitions"]
            if row["to"]["name"] == "Cancelled"
        )
        bare = said(box, "POST", path, {"transition": {"id": cancel["id"]}})
        off = said(box, "POST", path, {"transition": {"id": "11"}, "fields": {"resolution": {"name": "Done"}}})
        good = {"transition": {"id": cancel["id"]}, "fields": {"resolution": {"name": "Won't Do"}}}

        assert (cancel["fields"]["resolution"]["required"], cancel["hasScreen"]) == (True, True)
        assert (bare.status, list(bare.body["errors"])) == (400, ["resolution"])
        assert (off.status, list(off.body["errors"])) == (400, ["resolution"])
        assert said(box, "POST", path, good).status == 204
        assert issue(box, number)["resolution"]["name"] == "Won't Do"


def test_a_workflow_can_be_direct_and_done_issues_closed_to_edits() -> None:
    with Sandbox("jira", flow="direct", closed_editable=False) as box:
        number = made(box)
        go(box, number, "Done")

        assert said(box, "PUT", f"/issue/{number}", {"fields": {"summary": "y"}}).status == 400
        assert said(box, "POST", f"/issue/{number}/worklog", {"timeSpent": "1h"}).status == 400


# --- parents, links, deletes, moves -------------------------------------------------------------------------------


def test_a_subtask_needs_a_standard_parent_and_stays_one(jira: Sandbox) -> None:
    parent = made(jira)
    child = made(jira, issuetype={"name": "Sub-task"}, parent={"id": parent})
    below = said(jira, "POST", "/issue", fields(issuetype={"name": "Sub-task"}, parent={"id": child}))
    turned = said(jira, "PUT", f"/issue/{child}", {"fields": {"issuetype": {"name": "Task"}}})

    assert issue(jira, child)["parent"]["id"] == parent
    assert [row["id"] for row in issue(jira, parent)["subtasks"]] == [child]
    assert (below.status, turned.status) == (400, 400)
    assert "parent" not in issue(jira, parent)


def test_epics_are_parents_on_cloud_and_a_custom_field_on_data_center(cloud: Sandbox, server: Sandbox) -> None:
    epic = made(cloud, issuetype={"name": "Epic"})
    task = made(cloud, parent={"id": epic})
    done(cloud, "PUT", f"/issue/{task}", {"fields": {"parent": None}})

    assert "parent" not in issue(cloud, task)
    assert said(cloud, "POST", "/issue", fields(parent={"id": task})).status == 400
    assert said(server, "POST", "/issue", fields(parent={"key": "APP-1"})).body["errors"].keys() == {"parent"}
    assert issue(server, made(server, customfield_10011="APP-1"))["customfield_10011"] == "APP-1"


def test_deleting_takes_subtasks_only_when_asked_to(jira: Sandbox) -> None:
    parent = made(jira)
    child = made(jira, issuetype={"name": "Sub-task"}, parent={"id": parent})

    assert said(jira, "DELETE", f"/issue/{parent}").status == 400
    assert said(jira, "DELETE", f"/issue/{parent}", deleteSubtasks="true", who="bob").status == 403
    assert said(jira, "DELETE", f"/issue/{parent}", deleteSubtasks="true").status == 204
    assert (said(jira, "GET", f"/issue/{parent}").status, said(jira, "GET", f"/issue/{child}").status) == (404, 404)


def test_a_link_reads_inward_does_to_outward_and_a_double_is_the_same(jira: Sandbox) -> None:
    one, other = made(jira), made(jira)
    body = {"type": {"name": "Blocks"}, "inwardIssue": {"key": "APP-1"}, "outwardIssue": {"key": "APP-2"}}
    assert [said(jira, "POST", "/issueLink", body).status for _ in range(2)] == [201, 201]
    (here,), (there,) = issue(jira, one)["issuelinks"], issue(jira, other)["issuelinks"]

    assert (here["type"]["outward"], here["outwardIssue"]["id"]) == ("blocks", other)
    assert (there["type"]["inward"], there["inwardIssue"]["id"], here["id"]) == ("is blocked by", one, there["id"])
    assert said(jira, "POST", "/issueLink", body | {"type": {"name": "Stops"}}).status == 404
    assert said(jira, "DELETE", f"/issueLink/{here['id']}").status == 204
    assert issue(jira, one)["issuelinks"] == []


def test_a_link_moves_the_near_side_only(jira: Sandbox) -> None:
    one, other = made(jira), made(jira)
    before = [issue(jira, number)["updated"] for number in (one, other)]
    jira.clock.advance(60)
    body = {"type": {"id": "10000"}, "inwardIssue": {"id": one}, "outwardIssue": {"id": other}}
    done(jira, "POST", "/issueLink", body)
    after = [issue(jira, number)["updated"] for number in (one, other)]

    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_a_remote_link_is_replaced_by_its_global_id(jira: Sandbox) -> None:
    path = f"/issue/{made(jira)}/remotelink"
    body = {
        "globalId": "app=x&id=1",
        "relationship": "partner",
        "object": {"url": "https://example.org/1", "title": "T"},
    }
    first = said(jira, "POST", path, body)
    second = said(
        jira, "POST", path, {"globalId": "app=x&id=1", "object": {"url": "https://example.org/2", "title": "U"}}
    )
    rows = done(jira, "GET", path)

    assert (first.status, second.status, first.body["id"]) == (201, 200, second.body["id"])
    assert [(row["object"]["title"], row.get("relationship")) for row in rows] == [("U", None)]
    assert said(jira, "POST", path, {"object": {"url": "https://example.org/2"}}).status == 400
    assert said(jira, "POST", path, body | {"globalId": "x" * 256}).status == 400
    assert said(jira, "DELETE", path, globalId="app=x&id=1").status == 204
    assert said(jira, "GET", path, globalId="app=x&id=1").status == 404


def test_an_issue_that_moved_answers_to_its_old_key_without_a_redirect(jira: Sandbox) -> None:
    number = made(jira)
    moved = jira.act("move", key="APP-1", to="OPS")["key"]
    got = said(jira, "GET", "/issue/APP-1")
    jira.act("rename_project", key="OPS", to="RUN")

    assert (got.status, got.body["key"], got.body["id"]) == (200, moved, number)
    assert said(jira, "GET", f"/issue/{moved}").body["key"] == "RUN-1"
    assert said(jira, "GET", "/project/OPS").body["key"] == "RUN"


# --- people -------------------------------------------------------------------------------------------------------


def test_people_are_found_by_the_beginning_of_a_name_or_open_mail(jira: Sandbox) -> None:
    name = "query" if jira.tracker.is_cloud else "username"

    def names(path: str, word: str, **more: str) -> list[str]:
        return [row["displayName"] for row in done(jira, "GET", path, **{name: word}, **more)]

    assert names("/user/search", "ann@example") == ["Ann Archer"]
    assert names("/user/search", "cem@example") == []
    assert names("/user/search", "celik") == ["Cem Celik"]
    assert names("/user/assignable/search", "rea", project="APP") == []
    assert names("/user/assignable/search", "b", project="APP") == ["Bridge", "Bob Baker"]
    assert said(jira, "GET", "/user/search").status == 400
    hidden = next(row for row in done(jira, "GET", "/user/search", **{name: "cem"}))
    assert "emailAddress" not in hidden
    assert ("accountId" in hidden, "name" in hidden) == (jira.tracker.is_cloud, not jira.tracker.is_cloud)


def test_the_whole_site_survives_a_save(jira: Sandbox) -> None:
    jira.seed(generate=3)
    number = made(jira, labels=["a"], customfield_10033=[{"value": "Linux"}])
    done(jira, "POST", f"/issue/{number}/comment", {"body": text(jira, "hello")})
    done(jira, "POST", f"/issue/{number}/worklog", {"timeSpent": "1h"})
    jira.act("move", key="APP-1", to="OPS")
    saved = json.loads(json.dumps(jira.store.dump()))
    with Sandbox(jira.tracker.name) as other:
        other.store.load(saved)

        assert json.loads(json.dumps(other.store.dump())) == saved
        assert issue(other, number)["labels"] == ["a"]
        assert said(other, "GET", "/issue/APP-1").body["key"] == "OPS-1"
        assert done(other, "GET", f"/issue/{number}/comment")["total"] == 1


def test_an_unknown_setting_or_dialect_is_an_error() -> None:
    with pytest.raises(TypeError):
        Sandbox("jira", dialekt="dc")
    with pytest.raises(ValueError, match="cloud or dc"):
        Sandbox("jira", dialect="server")
