"""One trip for all who ask in the same moment, and none of them pays for another's fault."""

import asyncio
import threading

import pytest

from shared.rounds import Rounds


class Disk:
    """Takes its rounds one by one, when the test lets it, and refuses what is called "bad"."""

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def commit(self, items: list[str]) -> list[str]:
        self.rounds.append(items)
        self.begun.release()
        assert self.go_on.acquire(timeout=30)
        if "bad" in items:
            raise OSError("bad")
        return [f"{item} is there" for item in items]


async def test_who_comes_while_a_round_is_under_way_shares_the_next() -> None:
    disk = Disk()
    rounds = Rounds(disk.commit)
    first = asyncio.create_task(rounds.join("first"))
    await asyncio.to_thread(disk.begun.acquire)
    others = [asyncio.create_task(rounds.join(name)) for name in "abc"]
    await asyncio.sleep(0)

    disk.go_on.release()
    assert await first == "first is there"
    assert not any(task.done() for task in others)
    disk.go_on.release()
    assert await asyncio.gather(*others) == ["a is there", "b is there", "c is there"]

    assert disk.rounds == [["first"], ["a", "b", "c"]]


async def test_one_that_cannot_be_done_takes_no_other_with_it() -> None:
    disk = Disk()
    disk.go_on = threading.Semaphore(100)
    rounds = Rounds(disk.commit)

    results = await asyncio.gather(*(rounds.join(name) for name in ("good", "bad", "fine")), return_exceptions=True)

    assert [str(result) for result in results] == ["good is there", "bad", "fine is there"]
    await rounds.join("good again")


async def test_who_is_cancelled_leaves_it_to_be_done() -> None:
    disk = Disk()
    rounds = Rounds(disk.commit)
    cancelled, other = (asyncio.create_task(rounds.join(name)) for name in ("cancelled", "other"))
    await asyncio.to_thread(disk.begun.acquire)
    cancelled.cancel()
    disk.go_on.release()

    await other
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert disk.rounds == [["cancelled", "other"]]
