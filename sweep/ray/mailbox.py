"""Messages on their way to the driver, each held until it is confirmed."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from sweep.running.messages import Item, Message


class Mailbox:
    """Holds messages in the order in which they came."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        self._arrived = asyncio.Event()
        self._number = 0

    def post(self, pack_id: str, message: Message) -> asyncio.Future[None]:
        """Hold a message; return what is done once the driver has kept it, and all before it."""
        self._number += 1
        confirmed = asyncio.get_running_loop().create_future()
        self._unconfirmed[self._number] = confirmed
        self._items.append(Item(self._number, pack_id, message))
        self._arrived.set()
        return confirmed

    async def take(self, confirmed: Sequence[int], seconds: float) -> tuple[Item, ...]:
        """Release the senders of `confirmed`; return what has come, waiting `seconds` for it."""
        for number in confirmed:
            waiter = self._unconfirmed.pop(number)
            if not waiter.done():
                waiter.set_result(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        items = tuple(self._items)
        self._items.clear()
        self._arrived.clear()
        return items
