"""Claims: workers that are one trial of Tune lose nothing when one of them, or all, are killed."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from sweep.api import run_sweep
from sweep.ray import broker as broker_module
from sweep.ray.broker import Broker
from sweep.ray.session import Session
from sweep.ray.staffing import Places
from sweep.running.messages import Ended, Kind, Offer, Tally
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_config
from tests.test_faults_ray import ends, once_it_has_saved, processes
from tests.tune_suggestions import watch_suggestions

CPU, GPU = Kind(1.0, 0.0), Kind(1.0, 0.5)
SECONDS = ("convergence.max_epochs=2000000", "resources.checkpoint_seconds=0.2")
CREW_OF_FOUR = (
    "resources.workers=4",
    "resources.cpus_per_pack=0.5",
    "resources.lanes_per_pack=1",
)


@pytest.mark.parametrize(
    ("nodes", "kind", "most", "size"),
    [
        ([(16.0, 0.0)] * 100, CPU, None, 16),
        ([(16.0, 0.0)] * 100, Kind(2.0, 0.0), None, 8),
        ([(16.0, 0.0)] * 100, CPU, 63, 1),
        ([(16.0, 0.0)] * 3, CPU, None, 1),
        ([(64.0, 0.0)], CPU, None, 16),
        ([(24.0, 0.0)] * 3, CPU, None, 12),
        ([(2.0, 0.0), *[(16.0, 0.0)] * 4], CPU, None, 2),
        ([(0.0, 0.0), *[(16.0, 0.0)] * 4], CPU, None, 16),
        ([(17.0, 0.0)] * 4, CPU, None, 1),
        ([(6.4, 0.0)], Kind(0.1, 0.0), None, 16),
        ([(16.0, 4.0)] * 8, GPU, None, 8),
        ([], CPU, None, 1),
    ],
)
def test_a_crew_is_of_many_workers_and_leaves_no_room_on_any_node(nodes, kind, most, size):
    assert Places(1, most, nodes=tuple(nodes)).crew(kind) == size


def test_a_crew_counts_its_workers_once_each_and_not_beyond_what_is_wanted() -> None:
    async def scene(places: Places, packs: int) -> list[int]:
        broker = Broker(places, retries=0)
        await broker.offer([Offer(str(n), CPU, 1, b"") for n in range(packs)])
        sizes = list[int]()
        while crew := (await broker.hire()).workers:
            sizes.append(len(crew))
        return sizes

    nodes = ((8.0, 0.0),) * 3
    crews = Places(24, cpus=24.0, nodes=nodes, slots_for_crews=24)
    assert asyncio.run(scene(crews, 100)) == [8, 8, 8]
    assert asyncio.run(scene(crews, 11)) == [8, 3]
    assert asyncio.run(scene(replace(crews, slots_for_crews=25), 3)) == [1, 1, 1]
    assert asyncio.run(scene(replace(crews, most=14, slots_for_crews=14), 100)) == [8, 6]
    grows = Places(24, nodes=nodes, slots_for_crews=24)
    assert asyncio.run(scene(grows, 100)) == [8, 8, 8]


def test_beyond_the_nodes_seen_workers_are_asked_for_one_by_one() -> None:
    async def scene() -> list[int]:
        broker = Broker(Places(8, nodes=((8.0, 0.0),), slots_for_crews=8), retries=0)
        await broker.offer([Offer(str(n), CPU, 1, b"") for n in range(20)])
        for worker in (await broker.hire()).workers:
            await broker.enter(worker, host="here")
        return [len((await broker.hire()).workers) for _ in range(9)]

    assert asyncio.run(scene()) == [1] * 8 + [0]


def test_where_there_are_packs_of_two_kinds_workers_come_one_by_one() -> None:
    async def scene() -> list[int]:
        broker = Broker(Places(8, nodes=((8.0, 2.0),), slots_for_crews=2), retries=0)
        await broker.offer([Offer(str(n), kind, 1, b"") for n, kind in enumerate((CPU, GPU) * 4)])
        return [len((await broker.hire()).workers) for _ in range(2)]

    assert asyncio.run(scene()) == [1, 1]


def test_an_idle_worker_ends_only_once_its_crew_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "SECONDS_IDLE", 0.01)

    async def scene() -> tuple[bool, object]:
        broker = Broker(Places(2, nodes=((2.0, 0.0),), slots_for_crews=2), retries=1)
        await broker.offer([Offer("a", CPU, 1, b""), Offer("b", CPU, 1, b"")])
        crew = (await broker.hire()).workers
        for worker in crew:
            await broker.enter(worker, host="here")
            job = await broker.next(worker)
            assert job
            await broker.begin(worker, job.pack_id)
        ended = asyncio.ensure_future(broker.put(crew[0], [("a", Ended(False))], Tally()))
        idle = asyncio.ensure_future(broker.next(crew[0]))
        await asyncio.sleep(0.1)
        before = idle.done()
        await broker.dismiss(crew[1])  # its pack is the idle one's now
        job = await idle
        ended.cancel()
        return before, job and job.pack_id

    assert asyncio.run(scene()) == (False, "b")


@pytest.fixture
def crews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four workers be a crew."""
    places_of = Session.places

    def places(self: Session, workers: int | None) -> Places:
        return replace(places_of(self, workers), slots_for_crews=4)

    monkeypatch.setattr(Session, "places", places)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Return how the trials end that nothing disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    run_sweep(small_config(*SECONDS, *CREW_OF_FOUR), RunOptions(output=folder, use_ray=False))
    return ends(folder)


@pytest.mark.ray
@pytest.mark.usefixtures("crews")
@pytest.mark.long
def test_a_crew_is_one_trial_of_tune_and_trains_the_same_table(tmp_path, monkeypatch):
    suggested = watch_suggestions(monkeypatch)
    config = small_config("grid.replicates=20", *CREW_OF_FOUR)
    summary = run_sweep(config, RunOptions(output=tmp_path / "crew"))
    run_sweep(config, RunOptions(output=tmp_path / "alone", use_ray=False))
    assert (summary.trained, summary.failed, summary.missing) == (40, 0, 0)
    assert [config["workers"] for config in suggested] == [(1, 2, 3, 4)]
    assert ends(tmp_path / "crew") == ends(tmp_path / "alone")
    assert set(read_trials(tmp_path / "crew")["attempt"]) == {1}


@pytest.mark.ray
@pytest.mark.usefixtures("crews")
@pytest.mark.parametrize(
    ("title", "found"),
    [
        pytest.param("ray::Member", 4, id="member", marks=pytest.mark.long),
        pytest.param("ray::Implicit", 1, id="crew"),
    ],
)
def test_a_killed_member_or_crew_goes_on_and_the_table_is_the_same(calm, tmp_path, title, found):
    killed = list[int]()

    def kill() -> None:
        killed.extend(processes(title, os.getpid()))
        os.kill(killed[0], signal.SIGKILL)

    react = once_it_has_saved(tmp_path / "wild", kill)
    options = RunOptions(output=tmp_path / "wild")
    summary = run_sweep(small_config(*SECONDS, *CREW_OF_FOUR), options, on_progress=react)
    assert len(killed) == found
    assert (summary.trained, summary.failed, summary.missing) == (4, 0, 0)
    assert ends(tmp_path / "wild") == calm
    attempts = read_trials(tmp_path / "wild")["attempt"].tolist()
    assert max(attempts) == 2
