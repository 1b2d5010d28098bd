"""How far a job has come, and what its row says of it."""

from hypothesis import given
from hypothesis import strategies as st

from shared.clips import SIDES, Side
from worker.progress import Progress


def progress_of(count: int) -> Progress:
    return Progress([{"cardId": f"card{index}", "textEn": "a", "textFr": "b"} for index in range(count)])


def url(index: int, side: Side) -> str:
    return f"http://localhost/storage/tts/card{index}_{side}.mp3"


def settle(progress: Progress, *sides: tuple[int, Side]) -> None:
    for index, side in sides:
        progress.settle(index, side, url(index, side))


def test_a_new_job_has_done_nothing() -> None:
    progress = progress_of(2)
    assert [progress.processed_count, progress.done_count, progress.result_urls(), progress.error_message()] == [
        0,
        0,
        [],
        None,
    ]
    assert not progress.is_settled(0, "en")


def test_a_phrase_counts_when_both_its_sides_are_finished() -> None:
    progress = progress_of(2)
    settle(progress, (0, "en"))
    assert [progress.processed_count, progress.done_count, progress.result_urls()] == [0, 1, []]
    settle(progress, (0, "fr"))
    assert [progress.processed_count, progress.done_count] == [1, 2]
    assert progress.result_urls() == [{"cardId": "card0", "audioUrlEn": url(0, "en"), "audioUrlFr": url(0, "fr")}]


def test_a_blank_side_has_no_url_and_no_error() -> None:
    progress = progress_of(1)
    settle(progress, (0, "en"))
    progress.settle(0, "fr", None)
    assert progress.result_urls() == [{"cardId": "card0", "audioUrlEn": url(0, "en"), "audioUrlFr": None}]
    assert [progress.processed_count, progress.done_count, progress.error_message()] == [1, 1, None]
    assert progress.is_settled(0, "fr")


def test_a_failed_side_keeps_the_other_sides_url_and_says_why() -> None:
    progress = progress_of(1)
    settle(progress, (0, "en"))
    progress.fail(0, "fr", "the upstream refused the text")
    assert progress.result_urls() == [
        {"cardId": "card0", "audioUrlEn": url(0, "en"), "audioUrlFr": None, "error": "the upstream refused the text"}
    ]
    assert progress.error_message() == "1 of 2 clips failed: the upstream refused the text"


def test_two_reasons_of_one_phrase_are_both_told_and_the_same_one_only_once() -> None:
    progress = progress_of(2)
    for index, reasons in enumerate([("too long", "refused"), ("refused", "refused")]):
        for side, reason in zip(SIDES, reasons, strict=True):
            progress.fail(index, side, reason)
    assert [entry["error"] for entry in progress.result_urls()] == ["too long; refused", "refused"]


def test_blank_sides_are_not_among_the_clips_of_the_message() -> None:
    progress = progress_of(1)
    progress.settle(0, "en", None)
    progress.fail(0, "fr", "refused")
    assert progress.error_message() == "1 of 1 clips failed: refused"


def test_the_message_groups_reasons_and_tells_the_most_frequent_first() -> None:
    progress = progress_of(3)
    settle(progress, (0, "en"), (0, "fr"))
    progress.fail(1, "en", "refused")
    progress.fail(1, "fr", "timed out")
    for side in SIDES:
        progress.fail(2, side, "timed out")
    assert progress.error_message() == "4 of 6 clips failed: timed out (3); refused (1)"


def test_the_message_names_three_reasons_and_counts_the_others() -> None:
    progress = progress_of(3)
    for index, (en, fr) in enumerate([("a", "a"), ("b", "c"), ("d", "e")]):
        progress.fail(index, "en", en)
        progress.fail(index, "fr", fr)
    assert progress.error_message() == "6 of 6 clips failed: a (2); b (1); c (1); and 2 more reasons"


def test_what_is_done_can_still_fail() -> None:
    progress = progress_of(1)
    settle(progress, (0, "en"), (0, "fr"))
    progress.fail(0, "en", "the disk is full")
    assert [progress.processed_count, progress.done_count] == [1, 1]
    assert progress.error_message() == "1 of 2 clips failed: the disk is full"


outcomes = st.sampled_from(["done", "blank", "failed"])


@given(st.integers(0, 6), st.data())
def test_the_count_never_falls_and_the_urls_keep_the_order_of_the_phrases(count: int, data: st.DataObject) -> None:
    progress = progress_of(count)
    sides: list[tuple[int, Side]] = [(index, side) for index in range(count) for side in SIDES]
    counts = [0]
    for index, side in data.draw(st.permutations(sides)):
        outcome = data.draw(outcomes)
        if outcome == "failed":
            progress.fail(index, side, "refused")
        else:
            progress.settle(index, side, url(index, side) if outcome == "done" else None)
        counts.append(progress.processed_count)
        cards = [str(entry["cardId"]) for entry in progress.result_urls()]
        assert cards == sorted(cards)
        assert len(cards) == progress.processed_count
    assert counts == sorted(counts)
    assert counts[-1] == count
    assert all(progress.is_settled(index, side) for index, side in sides)


def test_what_an_earlier_run_listed_stays_listed_until_this_one_comes_to_it() -> None:
    before = [{"cardId": "card0", "audioUrlEn": "old", "audioUrlFr": None, "error": "too loud"}]
    progress = Progress([{"cardId": f"card{index}", "textEn": "a", "textFr": "b"} for index in range(2)], before)
    settle(progress, (1, "en"), (1, "fr"), (0, "en"))
    of_the_second = {"cardId": "card1", "audioUrlEn": url(1, "en"), "audioUrlFr": url(1, "fr")}
    assert progress.result_urls() == [*before, of_the_second]
    settle(progress, (0, "fr"))
    assert progress.result_urls() == [
        {"cardId": "card0", "audioUrlEn": url(0, "en"), "audioUrlFr": url(0, "fr")},
        of_the_second,
    ]
