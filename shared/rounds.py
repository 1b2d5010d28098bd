"""One trip to a thread for all who ask in the same moment: most of what a small piece of work costs there is the way."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Rounds(Generic[Item, Result]):
    """Collects items while a round is under way, and takes them all along in the next.

    `work` is called in a thread, and returns a result for each item, in their order. A round that fails is repeated item by
    item: one that cannot be done takes no other with it.
    """

    def __init__(self, work: Callable[[list[Item]], list[Result]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def join(self, item: Item) -> Result:
        """The item's result; raises what `work` raised for it. Who is cancelled leaves it to be done."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            this_round, self._waiting = self._waiting, []
            results = await asyncio.to_thread(self._results, [item for item, _ in this_round])
            for (_, done), result in zip(this_round, results, strict=True):
                if not done.done():
                    done.set_exception(result) if isinstance(result, Exception) else done.set_result(result)
        self._rounds = None

    def _results(self, items: list[Item]) -> list[Result | Exception]:
        try:
            return [*self._work(items)]
        except Exception as error:
            return [error] if len(items) == 1 else [result for item in items for result in self._results([item])]
