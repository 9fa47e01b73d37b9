"""Reading Artala's feeds: nothing lost, nothing asked twice, whatever the server's paging is like."""

import msgspec
import pytest

from bridge.errors import RetryableError
from tests.connectors.artala_board import BOARD, Board, guid, ids, pages, row

OLD = "2026-11-01T08:00:{:02d}Z"


def old_rows(count):
    return [row(n, f"2026-11-01T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z") for n in range(count)]


def labels(*pairs):
    return [{"TaskId": guid(n), "BoardId": BOARD, "LabelName": name, "Color": "#000000"} for n, name in pairs]


async def test_a_quiet_board_costs_one_request():
    board = Board({"Tasks": old_rows(3)})
    artala = board.connector()
    cursor = (await pages(artala))[-1].cursor
    board.asked.clear()

    [page] = await pages(artala, cursor)

    assert board.asked == ["GET /odata/Tasks"]
    assert page.quiet
    assert page.last
    assert page.records == ()
    assert page.cursor == cursor


async def test_a_quiet_board_keeps_its_url_so_that_an_etag_can_answer_it():
    board = Board({"Tasks": old_rows(3)}, etags=True)
    artala = board.connector()
    first = (await pages(artala))[-1].cursor
    second = (await pages(artala, first))[-1].cursor

    [page] = await pages(artala, second)

    assert page.quiet
    assert page.cursor == second
    assert artala.usage().not_modified == 1


async def test_tasks_changed_within_the_overlap_are_read_again_and_recognised():
    recent = [row(n, f"2026-11-21T11:59:{n:02d}Z") for n in range(40)]
    board = Board({"Tasks": old_rows(3) + recent})
    artala = board.connector()
    cursor = (await pages(artala))[-1].cursor
    recent[7]["Title"] = "Edited within the same second"

    found = await pages(artala, cursor)

    assert ids(found) == [7]
    assert not found[0].quiet


async def test_the_cursor_lies_an_overlap_before_the_servers_date_or_at_the_newest_task():
    board = Board({"Tasks": [*old_rows(2), row(9, "2026-11-21T11:58:00Z")]})
    artala = board.connector()
    fresh = (await pages(artala))[-1].cursor
    board.date = "Sat, 21 Nov 2026 12:30:00 GMT"

    settled = (await pages(artala, fresh))[-1].cursor

    assert msgspec.json.decode(fresh)["since"] == "2026-11-21T11:55:00Z"
    assert msgspec.json.decode(settled)["since"] == "2026-11-21T11:58:00Z"


async def test_an_empty_board_starts_at_the_servers_date():
    board = Board({"Tasks": []})
    artala = board.connector()
    cursor = (await pages(artala))[-1].cursor
    board.feeds["Tasks"] = [row(1, "2026-11-21T12:00:01Z")]

    found = await pages(artala, cursor)

    assert msgspec.json.decode(cursor)["since"] == "2026-11-21T11:55:00Z"
    assert ids(found) == [1]


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("cap", [100, 250, 1000, 5000])
async def test_a_full_listing_has_every_task_once_under_any_cap(cap, links):
    board = Board({"Tasks": old_rows(2500)}, cap=cap, links=links)

    found = await pages(board.connector())

    assert ids(found) == list(range(2500))
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]


async def test_a_full_listing_of_ten_thousand_needs_eleven_requests_and_those_of_the_labels():
    board = Board({"Tasks": old_rows(10_000), "TaskLabels": labels((1, "bug"))})

    await pages(board.connector())

    assert board.asked == ["GET /odata/TaskLabels"] + ["GET /odata/Tasks"] * 11


async def test_feeds_that_serve_no_mapped_field_are_not_read():
    board = Board({"Tasks": old_rows(1)})

    [page] = await pages(board.connector(), fields=frozenset({"title"}))

    assert board.asked == ["GET /odata/Tasks"]
    assert "labels" not in page.records[0].fields


@pytest.mark.parametrize("links", [False, True])
async def test_equal_timestamps_over_page_edges_lose_and_double_nothing(links):
    same = [row(n, "2026-11-01T08:00:00Z") for n in range(350)]
    later = [row(n, "2026-11-01T08:00:01Z") for n in range(350, 480)]
    board = Board({"Tasks": same + later}, cap=100, links=links)

    found = await pages(board.connector())

    assert sorted(ids(found)) == list(range(480))


async def test_a_task_edited_during_the_walk_comes_again_and_hides_no_other():
    rows = [row(n, "2026-11-01T08:00:00Z") for n in range(350)]
    board = Board({"Tasks": rows}, cap=100)

    def edit(asked):
        if asked in {3, 4}:
            rows[asked].update(UpdatedAt=f"2026-11-01T09:00:0{asked}Z", Title="Edited")

    board.before_page = edit

    found = await pages(board.connector(), fields=frozenset({"title"}))

    titles = {record.ref.id: record.fields["title"] for page in found for record in page.records}
    assert len(titles) == 350
    assert [titles[guid(n)] for n in (3, 4)] == ["Edited", "Edited"]


async def test_rows_that_never_stand_still_stop_the_listing_instead_of_losing_some():
    rows = [row(n, "2026-11-01T08:00:00Z") for n in range(500)]
    board = Board({"Tasks": rows}, cap=100)
    board.before_page = lambda asked: rows[asked].update(UpdatedAt="2026-11-02T08:00:00Z") if asked else None

    with pytest.raises(RetryableError, match="faster than they can be read"):
        await pages(board.connector(), fields=frozenset({"title"}))


async def test_tasks_without_updated_at_are_listed():
    board = Board({"Tasks": [row(n, None) for n in range(250)] + [row(300, "2026-11-01T08:00:00Z")]}, cap=100)

    found = await pages(board.connector())

    assert sorted(ids(found)) == [*range(250), 300]


async def test_a_full_listing_joins_labels_and_custom_fields():
    board = Board(
        {
            "Tasks": old_rows(2),
            "TaskLabels": labels((1, "ui"), (1, "bug")),
            "TaskFieldValues": [
                {"TaskId": guid(1), "FieldId": guid(77), "FieldName": "Points", "FieldType": "Number", "Value": "2.5"},
                {"TaskId": guid(1), "FieldId": guid(78), "FieldName": "Other", "FieldType": "Text", "Value": "no"},
            ],
        },
        rest={"GET fields": [{"id": guid(77), "name": "Points", "fieldType": "Number"}]},
    )

    [page] = await pages(board.connector(), fields=frozenset({"labels", "custom.Points"}))

    first, second = page.records
    assert (first.fields["labels"], first.fields["custom.Points"]) == ((), None)
    assert (second.fields["labels"], second.fields["custom.Points"]) == (("bug", "ui"), 2.5)


async def test_a_full_listing_cut_short_goes_on_with_labels():
    board = Board({"Tasks": old_rows(250), "TaskLabels": labels((240, "bug"))}, cap=100)
    artala = board.connector()
    first = (await pages(artala))[0]

    rest = await pages(artala, first.cursor)

    by_id = {record.ref.id: record for page in rest for record in page.records}
    assert by_id[guid(240)].fields["labels"] == ("bug",)
    assert by_id[guid(239)].fields["labels"] == ()
    assert set(ids(rest)) >= set(range(100, 250))


async def test_an_incremental_poll_does_not_claim_to_know_labels():
    board = Board({"Tasks": old_rows(2), "TaskLabels": labels((1, "bug"))})
    artala = board.connector()
    cursor = (await pages(artala))[-1].cursor
    board.feeds["Tasks"].append(row(5, "2026-11-21T11:00:00Z"))

    [page] = await pages(artala, cursor)

    assert "labels" not in page.records[0].fields
    assert page.sweep is None


async def test_a_sweep_tells_the_whole_mapping_when_a_label_changed():
    board = Board({"Tasks": old_rows(3), "TaskLabels": labels((1, "bug"), (2, "ui"))})
    artala = board.connector()
    cursor = (await pages(artala))[-1].cursor
    board.feeds["TaskLabels"].append(labels((2, "bug"))[0])

    [page] = await pages(artala, cursor, sweep=True)
    [after] = await pages(artala, page.cursor, sweep=True)

    assert page.sweep == {guid(1): {"labels": ("bug",)}, guid(2): {"labels": ("bug", "ui")}}
    assert page.sweep_default == {"labels": ()}
    assert not page.quiet
    assert after.sweep is None
    assert after.quiet


async def test_a_label_feed_that_shifts_while_it_is_read_is_read_again():
    board = Board({"Tasks": old_rows(1), "TaskLabels": labels(*[(n, "bug") for n in range(250)])}, cap=100)

    def drop(asked):
        if asked == 2:
            del board.feeds["TaskLabels"][0]

    board.before_page = drop

    found = await pages(board.connector())

    assert found[0].records[0].fields["labels"] == ()
    assert board.asked.count("GET /odata/TaskLabels") == 2 + 3


async def test_labels_come_with_changed_tasks_where_they_move_updated_at():
    board = Board({"Tasks": old_rows(2), "TaskLabels": labels((1, "bug"))})
    artala = board.connector(labels_move_updated=True)
    cursor = (await pages(artala))[-1].cursor
    board.feeds["Tasks"][1]["UpdatedAt"] = "2026-11-21T11:00:00Z"

    [page] = await pages(artala, cursor)

    assert page.records[0].fields["labels"] == ("bug",)


@pytest.mark.parametrize("cursor", ["", "nonsense", '{"v":9}', "[]", '{"v":1,"since":3}'])
async def test_a_cursor_that_is_not_understood_lists_everything(cursor):
    board = Board({"Tasks": old_rows(3)})

    found = await pages(board.connector(), cursor)

    assert ids(found) == [0, 1, 2]


async def test_a_smaller_window_than_the_learned_cut_needs_no_second_request():
    board = Board({"Tasks": old_rows(2000) + [row(3000 + n, f"2026-11-21T11:59:{n % 60:02d}Z") for n in range(300)]})
    cursor = (await pages(board.connector()))[-1].cursor
    board.asked.clear()

    [page] = await pages(board.connector(), cursor)

    assert page.quiet
    assert board.asked == ["GET /odata/Tasks"]
