"""The contract suite on every connector that is shipped."""

from typing import ClassVar

from contract import ConnectorContract, at_once
from trackers.between import people_of

from bridge.config import plugins
from connectors.pace import Retry


class Shipped(ConnectorContract):
    """Ours do not really wait."""

    def people(self):
        return people_of(self.type)

    def connect(self, name, config):
        module = plugins.find(self.type).connect.__globals__
        made = next(
            value for value in module.values()
            if isinstance(value, type) and value.__module__ == f"connectors.{self.type}" and hasattr(value, "pull")
        )  # fmt: skip
        return made(name, config, retry=Retry(sleep=at_once))


class TestArtala(Shipped):
    type = "artala"


class TestGithub(Shipped):
    type = "github"


class TestGipo(Shipped):
    type = "gipo"


class TestGrowcrm(Shipped):
    type = "growcrm"


class TestJira(Shipped):
    type = "jira"


class TestJiraDataCenter(Shipped):
    type = "jira"

    def people(self):
        return people_of(self.type, dialect="dc")


class TestRedmine(Shipped):
    type = "redmine"
    quiet_requests: ClassVar = {"comment": 2}  # a note of the same second moves nothing: what is new is read again


class TestTimetracker(Shipped):
    type = "timetracker"


class TestWorkestra(Shipped):
    type = "workestra"
