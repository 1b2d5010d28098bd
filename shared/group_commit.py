"""One trip to a slow place for all who ask in the same moment."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class GroupCommit(Generic[Item]):
    """Collects items while a round is under way, and takes them all along in the next. `commit` is called in a thread.

    A round that fails is repeated item by item: one that cannot be done takes no other with it.
    """

    def __init__(self, commit: Callable[[list[Item]], None]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> None:
        """Returns when the item is committed, and raises what `commit` raised for it. Who is cancelled leaves it to be done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            this_round, self._waiting = self._waiting, []
            errors = await asyncio.to_thread(self._commit_all, [item for item, _ in this_round])
            for (_, done), error in zip(this_round, errors, strict=True):
                if not done.done():
                    done.set_exception(error) if error else done.set_result(None)
        self._rounds = None

    def _commit_all(self, items: list[Item]) -> list[Exception | None]:
        error = self._error_of(items)
        return [error] if len(items) == 1 else [error and self._error_of([item]) for item in items]

    def _error_of(self, items: list[Item]) -> Exception | None:
        try:
            self._commit(items)
        except Exception as error:
            return error
        return None
