"""Running sandboxes: seeds are equal on both, state survives, a process announces itself and stops cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.server import Running, Sandbox, call, serve


def test_the_same_seed_gives_equal_items_on_both(github: Sandbox, artala: Sandbox) -> None:
    github.seed(generate=20)
    artala.seed(generate=20)
    issues = github.call("GET", "/repos/acme/app/issues?state=all&sort=updated&direction=asc&per_page=100")[1]
    tasks = artala.call("GET", "/odata/Tasks?$orderby=UpdatedAt,Id")[1]["value"]
    named: dict[str, list[str]] = {}
    for row in artala.call("GET", "/odata/TaskLabels")[1]["value"]:
        named.setdefault(row["TaskTitle"], []).append(row["LabelName"])

    assert [(issue["title"], issue["body"], issue["state"] == "closed") for issue in issues] == [
        (task["Title"], task["Description"], task["Status"] == "Done") for task in tasks
    ]
    assert [[label["name"] for label in issue["labels"]] for issue in issues] == [
        named[task["Title"]] for task in tasks
    ]


@pytest.mark.parametrize("tracker", ["github", "artala"])
def test_the_whole_state_can_be_saved_and_restored(tracker: str) -> None:
    with Sandbox(tracker) as first, Sandbox(tracker) as second:
        first.seed(generate=3)
        state = first.call("GET", "/_sandbox/state")[1]
        second.call("POST", "/_sandbox/state", state)

        assert state == second.call("GET", "/_sandbox/state")[1]


def test_a_wrong_seed_or_setting_is_named(github: Sandbox) -> None:
    with pytest.raises(ValueError, match="unknown seed members: isues"):
        github.seed(isues=[])
    with pytest.raises(ValueError, match="no setting pagging"):
        github.set(pagging="after")


def test_middleware_sees_what_the_tracker_handles() -> None:
    seen = []

    def wrap(app: Any) -> Any:
        async def spy(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["path"])
            await app(scope, receive, send)

        return spy

    with Sandbox("github", wrap=wrap) as box:
        box.call("GET", "/user")

    assert seen == ["/user"]


async def test_several_trackers_run_in_one_process_and_keep_their_content(tmp_path: Path) -> None:
    async def run(**options: Any) -> list[tuple[Running, int]]:
        stop, told = asyncio.Event(), asyncio.Queue[list[Running]]()
        task = asyncio.create_task(
            serve(["github", "artala"], state_file=tmp_path / "state.json", ready=told.put_nowait, stop=stop, **options)
        )
        running = await told.get()
        found = []
        for one, path in zip(running, ("/repos/acme/app/issues?state=all", "/odata/Tasks"), strict=True):
            _, answer = await asyncio.to_thread(call, one.url + path, token=one.token)
            found.append((one, len(answer if isinstance(answer, list) else answer["value"])))
        stop.set()
        await task
        return found

    first = await run(seed={"github": {"generate": 4}, "artala": {"generate": 6}})
    second = await run()

    assert [one.tracker for one, _ in first] == ["github", "artala"]
    assert [4, 6] == [count for _, count in first] == [count for _, count in second]


@pytest.mark.parametrize("text", ["{", "[1]", '{"github": {}}', '{"github": 1}'])
async def test_a_broken_state_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ValueError, match="not a saved sandbox state"):
        await serve(["github"], state_file=tmp_path / "state.json")


def test_a_process_announces_itself_in_one_line_and_ends_on_sigterm() -> None:
    command = [
        sys.executable,
        "-m",
        "bridge.sandbox",
        "--tracker",
        "github",
        "--port",
        "0",
        "--json",
        "--generate",
        "2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = json.loads(process.stdout.readline())
        status, issues = call(said["url"] + "/repos/acme/app/issues?state=all", token=said["token"])
        process.send_signal(signal.SIGTERM)

        assert (status, len(issues)) == (200, 2)
        assert process.wait(timeout=60) == 0


async def test_a_taken_port_stops_all_of_them_before_anything_runs(github: Sandbox) -> None:
    taken = int(github.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        await serve(["artala", "github"], ports=[0, taken])
