"""Claims: each pack is with one worker at a time, no pack is lost with its worker, none is hoarded.

Without Ray: the broker's methods are called as Ray calls them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sweep.ray.broker import Broker
from sweep.ray.staffing import Places
from sweep.running.messages import (
    Broken,
    Delivery,
    Ended,
    Item,
    Job,
    Kind,
    Message,
    Offer,
    Saved,
    Tally,
    Turn,
)

CPU = Kind(1.0, 0.0)
GPU = Kind(1.0, 0.5)
HERE = Places(ahead=2, most=None, cpus=2, gpus=0)
NOTHING = Tally()


def offers(*names: str, kind: Kind = CPU) -> list[Offer]:
    return [Offer(name, kind, 10, f"work of {name}".encode()) for name in names]


def name_of(job: Job | None) -> str | None:
    return None if job is None else job.pack_id


async def staffed(*names: str, workers: int, retries: int = 0) -> tuple[Broker, list[int]]:
    """Return a broker with these packs, and the numbers of workers that have come."""
    broker = Broker(Places(ahead=workers, cpus=workers), retries)
    await broker.offer(offers(*names))
    numbers = [(await broker.hire()).workers[0] for _ in range(workers)]
    for number in numbers:
        await broker.enter(number, host=f"host {number}")
    return broker, numbers


async def begin_next(broker: Broker, worker: int) -> Turn:
    job = await broker.next(worker)
    assert job
    return await broker.begin(worker, job.pack_id)


async def put(broker: Broker, worker: int, *messages: tuple[str, Message]) -> list[Item]:
    """Send messages; return what the driver got by them, confirmed."""
    sent = asyncio.create_task(broker.put(worker, messages, NOTHING))
    delivery = await broker.take([], 1.0)
    await broker.take([item.number for item in delivery.items], 0.0)
    await sent
    return list(delivery.items)


def run(scene: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(scene())


def test_put_returns_only_once_the_driver_has_confirmed() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (worker,) = await staffed("a", workers=1, retries=1)
        await broker.next(worker)
        sent = asyncio.create_task(broker.put(worker, [("a", Saved(b"state"))], NOTHING))
        delivery = await broker.take([], 1.0)
        before = sent.done()
        await broker.take([item.number for item in delivery.items], 0.0)
        await sent
        await broker.lose(worker)
        await broker.enter(worker, host="there")
        job = await broker.next(worker)
        return before, job and (job.checkpoint, job.attempt)

    assert run(scene) == (False, (b"state", 2))


def test_a_worker_has_the_next_pack_while_it_trains_one() -> None:
    async def scene() -> list[object]:
        broker, (worker,) = await staffed("a", "b", "c", workers=1)
        turns = [await begin_next(broker, worker)]
        while ahead := turns[-1].ahead:
            turns.append(await broker.begin(worker, ahead.pack_id))
        return [(turn.granted, name_of(turn.ahead)) for turn in turns]

    assert run(scene) == [(True, "b"), (True, "c"), (True, None)]


def test_an_idle_worker_takes_a_pack_that_another_has_not_begun() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (slow, quick) = await staffed("a", "b", workers=2)
        ahead = (await begin_next(broker, slow)).ahead
        job = await broker.next(quick)
        turn = await broker.begin(slow, "b")
        return name_of(ahead), name_of(job), job and job.attempt, turn.granted

    assert run(scene) == ("b", "b", 1, False)


def test_a_pack_that_was_begun_is_not_taken() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (first, second) = await staffed("a", "b", workers=2)
        await begin_next(broker, first)
        turn = await broker.begin(first, "b")
        idle = asyncio.create_task(broker.next(second))
        await asyncio.sleep(0)
        waited = not idle.done()
        await broker.close()
        return turn.granted, waited, await idle

    assert run(scene) == (True, True, None)


def test_a_lost_worker_gives_back_what_it_trained_and_what_it_was_to_begin() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (first, second) = await staffed("a", "b", "c", workers=2, retries=1)
        await begin_next(broker, first)
        await broker.lose(first)
        jobs = [await broker.next(second) for _ in range(3)]
        return tuple((job.pack_id, job.attempt) for job in jobs if job)

    assert run(scene) == (("a", 2), ("b", 1), ("c", 1))


def test_only_the_pack_in_training_counts_against_a_lost_worker() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (worker,) = await staffed("a", "b", "c", workers=1)
        await begin_next(broker, worker)
        await broker.begin(worker, "b")  # the rows of a are still held by the worker
        await broker.lose(worker)
        items = (await broker.take([], 0.0)).items
        await broker.enter(worker, host="there")
        jobs = [await broker.next(worker) for _ in range(2)]
        return [(item.pack_id, item.message) for item in items], [name_of(job) for job in jobs]

    assert run(scene) == ([("b", Ended(True, 1, "host 1"))], ["a", "c"])


def test_a_process_that_comes_anew_is_the_end_of_the_one_before() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (worker,) = await staffed("a", workers=1, retries=1)
        await begin_next(broker, worker)
        await broker.enter(worker, host="there")
        job = await broker.next(worker)
        return name_of(job), job and job.attempt

    assert run(scene) == ("a", 2)


def test_a_worker_that_dies_before_it_takes_a_pack_counts_against_the_next_pack() -> None:
    async def scene() -> list[tuple[str, Message]]:
        broker = Broker(HERE, retries=1)
        await broker.offer(offers("a", "b"))
        worker = (await broker.hire()).workers[0]
        for _ in range(4):
            await broker.lose(worker)
        return [(i.pack_id, i.message) for i in (await broker.take([], 0.0)).items]

    assert run(scene) == [("a", Ended(True, 0, None)), ("b", Ended(True, 0, None))]


def test_a_worker_that_dies_after_it_has_trained_counts_against_no_pack() -> None:
    async def scene() -> object:
        broker, (worker,) = await staffed("a", workers=1)
        await begin_next(broker, worker)
        await put(broker, worker, ("a", Ended(False)))
        await broker.offer(offers("b"))
        await broker.lose(worker)
        await broker.enter(worker, host="there")
        return name_of(await broker.next(worker))

    assert run(scene) == "b"


def test_a_pack_that_raises_is_tried_again_and_then_given_up() -> None:
    async def scene() -> list[Message]:
        broker, (worker,) = await staffed("a", workers=1, retries=1)
        told: list[Item] = []
        for _ in range(2):
            await begin_next(broker, worker)
            told += await put(broker, worker, ("a", Broken("ValueError: no", "trace")))
            await broker.lose(worker)
            await broker.enter(worker, host="there")
        return [item.message for item in told]

    assert run(scene) == [
        Broken("ValueError: no", "trace", attempt=1),
        Broken("ValueError: no", "trace", attempt=2),
        Ended(True, 2, "there"),
    ]


def test_a_pack_that_stalled_is_given_up_at_once_and_others_are_not_blamed() -> None:
    async def scene() -> tuple[list[Message], str | None]:
        broker, (worker,) = await staffed("a", "b", workers=1, retries=3)
        await begin_next(broker, worker)
        stalled = Broken("no chunk ended", "stack", stalled=True)
        told = await put(broker, worker, ("a", stalled))
        await broker.lose(worker)
        await broker.enter(worker, host="there")
        return [item.message for item in told], name_of(await broker.next(worker))

    stalled = Broken("no chunk ended", "stack", stalled=True, attempt=1)
    assert run(scene) == ([stalled, Ended(True, 1, "host 1")], "b")


def test_what_a_lost_worker_still_says_ends_nothing_of_another() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (lost, other) = await staffed("a", "b", workers=2, retries=1)
        await begin_next(broker, lost)
        await broker.lose(lost)
        await begin_next(broker, other)
        await broker.put(lost, [("a", Broken("late", "trace"))], NOTHING)
        delivery = await broker.take([], 0.0)
        return delivery.items, await put(broker, other, ("a", Ended(False)))

    items, ended = run(scene)
    assert items == ()
    assert [item.message for item in ended] == [Ended(False, 2, "host 2")]


def test_workers_of_each_kind_are_asked_for_in_turn() -> None:
    async def scene() -> list[Kind | None]:
        broker = Broker(Places(ahead=2, most=3), retries=0)
        await broker.offer(offers("c1", "c2", "c3"))
        await broker.offer(offers("g1", "g2", kind=GPU))
        return [(await broker.hire()).kind for _ in range(4)]

    assert run(scene) == [GPU, CPU, GPU, None]


def test_a_worker_takes_only_packs_of_its_kind_and_goes_where_others_wait() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (worker,) = await staffed("c1", workers=1)
        await broker.offer(offers("g1", kind=GPU))
        turn = await begin_next(broker, worker)
        return turn.ahead, await broker.next(worker)

    assert run(scene) == (None, None)


def test_no_more_workers_are_asked_for_than_there_is_work_or_room() -> None:
    async def scene(places: Places, packs: int) -> int:
        broker = Broker(places, retries=0)
        await broker.offer(offers(*map(str, range(packs))))
        asked = 0
        while (await broker.hire()).kind:
            asked += 1
        return asked

    assert run(lambda: scene(HERE, 50)) == 2
    assert run(lambda: scene(HERE, 1)) == 1
    assert run(lambda: scene(Places(ahead=4, most=5), 50)) == 5
    assert run(lambda: scene(Places(ahead=40), 50)) == 40
    assert run(lambda: scene(Places(ahead=1), 50)) == 8


def test_a_cluster_that_grows_sees_demand_while_packs_wait() -> None:
    async def scene() -> int:
        growing = Broker(Places(ahead=2), retries=0)
        await growing.offer(offers("a", "b", "c", "d"))
        for _ in range(2):
            await growing.enter((await growing.hire()).workers[0], host="here")
        asked = 0
        while (await growing.hire()).kind:
            asked += 1
        return asked

    assert run(scene) == 4


def test_stopped_broker_starts_nothing_and_tells_workers() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (worker, idle) = await staffed("a", "b", workers=2)
        await begin_next(broker, worker)
        going = await broker.beat(worker, Tally(5, 1, 0))
        await broker.stop()
        stopping = await broker.beat(worker, Tally(7, 1, 0))
        turn = await broker.begin(worker, "b")
        demand = await broker.hire()
        delivery: Delivery = await broker.take([], 0.0)
        return (
            (going.stop, stopping.stop),
            (turn.granted, turn.ahead, await broker.next(idle)),
            (demand.kind, demand.over),
            (delivery.tally, delivery.room, delivery.spare),
        )

    assert run(scene) == (
        (False, True),
        (False, None, None),
        (None, True),
        (Tally(12, 1, 0), 0, 0),
    )


def test_after_a_stop_a_lost_worker_ends_its_pack() -> None:
    async def scene() -> list[Message]:
        broker, (worker,) = await staffed("a", workers=1, retries=3)
        await begin_next(broker, worker)
        await broker.stop()
        await broker.lose(worker)
        return [item.message for item in (await broker.take([], 0.0)).items]

    assert run(scene) == [Ended(False, 1, "host 1")]


def test_a_worker_that_ended_for_good_leaves_its_pack_to_others() -> None:
    async def scene() -> tuple[object, ...]:
        broker, (gone, other) = await staffed("a", "b", workers=2, retries=1)
        await begin_next(broker, gone)
        await broker.dismiss(gone)
        job = await broker.next(other)
        return name_of(job), job and job.attempt, (await broker.beat(gone, NOTHING)).stop

    assert run(scene) == ("a", 2, True)
