"""Links that share containers: what is worked out for each is worked out once, and the mistake of one stops no other."""

from __future__ import annotations

from collections import Counter

import pytest
from engine.world import World

from bridge import neighbours

MANY = 40
LINK = """
[[links]]
name = "link-{number}"
left = {{ connection = "artala", container = "board-{number}" }}
right = {{ connection = "github", container = "acme/app" }}
"""


WEB = """
[[links]]
name = "web"
left = { connection = "github", container = "acme/app" }
right = { connection = "github", container = "acme/web" }
"""


async def test_terms_and_rows_of_links_that_share_a_container_are_worked_out_once_each(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.github.seed(repo="acme/web")
    world.write_config(more_links=WEB + "".join(LINK.format(number=at) for at in range(MANY)), accepting="")
    counted: Counter[str] = Counter()
    for name in ("terms_of", "row_specs", "match_names"):
        real = getattr(neighbours, name)
        monkeypatch.setattr(neighbours, name, lambda *args, name=name, real=real: counted.update([name]) or real(*args))
    async with world.open() as bridge:
        for link in bridge.settings.links:
            await bridge.unaccepted(link.name)
        for name in ("app", "web", "app"):
            await bridge.plan(name)

    assert counted == {"terms_of": MANY + 2, "row_specs": MANY + 2, "match_names": MANY + 2}
