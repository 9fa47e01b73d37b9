"""The contract of every connector, and one two-way sync with a sandbox of GitHub."""

from bridge_todos import Todos
from people import People

from bridge.config.loader import load
from bridge.contract.suite import ConnectorContract, at_once
from bridge.sandbox.server import Sandbox
from bridge.wiring import Bridge
from connectors.pace import Retry

CONFIG = """
[connections.hub]
type = "github"
base_url = "{hub}"
token_file = "{key}"
write_interval_s = 0
index_lag_s = 0

[[people]]
home = "ann"
hub = "alice"

[[links]]
name = "groceries"
left = {{ connection = "home", container = "groceries" }}
right = {{ connection = "hub", container = "acme/app" }}
initial = "match-then-create"
"""


class TestTodos(ConnectorContract):
    type = "todos"

    def people(self):
        return People()

    def connect(self, name, config):
        return Todos(name, config, retry=Retry(sleep=at_once))


async def test_todos_and_github_are_kept_in_step(tmp_path):
    with People() as people, Sandbox("github") as github:
        (tmp_path / "key").write_text(github.token())
        (tmp_path / "key").chmod(0o600)
        config = tmp_path / "bridge.toml"
        config.write_text(people.connection("home", tmp_path) + CONFIG.format(hub=github.url, key=tmp_path / "key"))
        milk = people.create("Milk", labels={"dairy"}, assignee="ann")
        github.call("POST", "/repos/acme/app/issues", {"title": "Bread"}, who="bob")

        await sync(config)
        issues = {each["title"]: each for each in github.call("GET", "/repos/acme/app/issues")[1]}
        assert issues.keys() == {"Milk", "Bread"}
        assert [each["login"] for each in issues["Milk"]["assignees"]] == ["alice"]
        assert sorted(each["title"] for each in people.tasks().values()) == ["Bread", "Milk"]

        github.call("PATCH", f"/repos/acme/app/issues/{issues['Milk']['number']}", {"state": "closed"}, who="bob")
        people.edit(milk, title="Oat milk")
        await sync(config)
        assert people.task(milk)["is_closed"]
        assert github.call("GET", f"/repos/acme/app/issues/{issues['Milk']['number']}")[1]["title"] == "Oat milk"

        await sync(config)
        before = people.writes() + len(github.log)
        await sync(config)
        assert people.writes() + len(github.log) == before


async def sync(config):
    async with Bridge.open(load(config), sleep=at_once) as bridge:
        report = await bridge.sync("groceries", trigger="test")
    assert report.state == "done", report.error
