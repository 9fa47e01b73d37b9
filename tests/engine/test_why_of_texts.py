"""What ``bridge why`` says of texts that rest: it judges by the rows that a run judges by."""

from __future__ import annotations

from pathlib import Path

from engine.world import World
from trackers.between import Between

from bridge.config.loader import load
from bridge.config.people import people_of
from bridge.config.rows import row_specs
from bridge.engine import why
from bridge.engine.reasons import Joined, LinkFacts
from bridge.preview import unasked
from mappings.lenses import Same
from state.store import Store


async def said(config: Path, place: str, item: str) -> dict[str, list[str]]:
    """The codes of the reasons of each field that has any."""
    settings = load(config)
    [link] = settings.links
    rows = {
        kind: [Joined(spec.left, spec.right, spec.direction, Same()) for spec in specs]
        for kind, specs in row_specs(settings, link).items()
    }
    known = await unasked(settings, link, people_of(settings, link))
    with Store.open(place) as store:
        [story] = store.read_sync(why.tell, item, facts={link.name: LinkFacts(rows=rows, link=known)})
    return {each.left_name: [one.code for one in each.reasons] for each in story.fields if each.reasons}


async def test_what_a_link_made_inert_or_gave_a_line_of_origin_is_in_step(world: World):
    world.write_config(link_more='origin_line = "both"')
    world.new_task("Leak", "@alice says see #1")
    await world.settle()
    [issue] = world.issues()

    assert "\u200b" in issue["body"]
    assert "From artala" in issue["body"]
    assert await said(world.config, f"sqlite:///{world.folder}/bridge.db", str(issue["number"])) == {}


async def test_what_two_dialects_write_each_in_its_own_way_is_in_step(tmp_path: Path):
    with Between(tmp_path, "jira", "github") as both:
        both.right.create("Leak", description="**Bold** @alice\n\n* one\n* two\n\n| a | b |\n|---|---|\n| 1 | 2 |")
        await both.settle()
        [(_, issue)] = both.pairs()

        assert await said(tmp_path / "bridge.toml", f"sqlite:///{tmp_path}/bridge.db", issue) == {}
