"""The lock of results in object storage: one holder at a time, however late a request arrives."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sweep.errors import StoreError
from sweep.store.places import lease
from sweep.store.places.lease import Lease, lease_holder
from sweep.store.places.remote import path_of
from tests.object_store import Proxy, read_object, uri

PROCESSES, THREADS = 4, 50

STARTS = """
import sys, time, threading
from sweep.errors import StoreError
from sweep.store.places import lease
from sweep.store.places.remote import path_of
lease.RENEWAL_SECONDS = 0.2
place, moment, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
leases, won = [lease.Lease(path_of(place)) for _ in range(count)], []
def start(one):
    time.sleep(max(0, moment - time.time()))
    try:
        one.acquire()
    except StoreError as error:
        assert "is being written by pid" in str(error), error
    else:
        won.append(one)
threads = [threading.Thread(target=start, args=[one]) for one in leases]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(won), flush=True)
sys.stdin.read()
for one in won: one.release()
"""


@pytest.fixture
def store(served: Proxy) -> Proxy:
    served.faults.clear()
    return served


def lease_at(store: Proxy, key: str, *, direct: bool = False) -> Lease:
    place = uri(store, f"{key}/writer.lock")
    if direct:
        host, port = store.upstream
        own = f"http://{store.server_address[0]!s}:{store.server_address[1]}"
        place = place.replace(own, f"http://{host}:{port}")
    path = path_of(place)
    assert not isinstance(path, Path)
    return Lease(path)


@pytest.mark.parametrize(
    "left",
    ["nothing", "by a killed process", pytest.param("released", marks=pytest.mark.long)],
)
def test_of_many_that_begin_at_once_exactly_one_takes_the_lease(store, monkeypatch, left):
    key = f"race-{left.replace(' ', '-')}"
    if left != "nothing":
        before = lease_at(store, key)
        before.acquire()
        before.release()
    if left == "by a killed process":
        gone = '{"pid": 1, "host": "h", "machine": "m", "token": "t", "renewals": 0}'
        lease_at(store, key).path.write_bytes(gone.encode())
        monkeypatch.setattr(lease, "FREE_AFTER_SECONDS", 2.0)
    script = STARTS
    if left == "by a killed process":
        script = script.replace("lease.RENEWAL", "lease.FREE_AFTER_SECONDS = 2.0; lease.RENEWAL")
    place = uri(store, f"{key}/writer.lock")
    words = [sys.executable, "-c", script, place, str(time.time() + 6), str(THREADS)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(words, **pipes) for _ in range(PROCESSES)]
    outputs = [process.stdout for process in started]
    won = [int(output.readline()) for output in outputs if output is not None]
    holder = lease_holder(lease_at(store, key).path)
    for process in started:
        process.communicate("")
    assert sum(won) == 1
    assert holder is not None
    assert holder.pid == started[won.index(1)].pid
    assert read_object(store, f"{key}/writer.lock") == b""


def test_a_renewal_that_is_long_on_its_way_never_overwrites_a_successor(store, monkeypatch):
    slow, successor = lease_at(store, "late"), lease_at(store, "late", direct=True)
    slow.acquire()
    store.faults.extend(["busy"] * 10_000)
    renewal = threading.Thread(target=slow._renew)
    renewal.start()
    monkeypatch.setattr(lease, "_has_died", lambda hold: hold.token == slow._hold.token)
    successor.acquire()
    taken = successor.path.read_version().data
    store.faults.clear()
    renewal.join()
    assert read_object(store, "late/writer.lock") == taken
    with pytest.raises(StoreError, match="is being written by pid"):
        slow.require()
    slow.release()
    assert read_object(store, "late/writer.lock") == taken
    successor.require()
    successor.release()


def test_a_holder_that_slept_makes_sure_before_it_writes(store, monkeypatch):
    sleeper, successor = lease_at(store, "sleeper"), lease_at(store, "sleeper")
    sleeper.acquire()
    monkeypatch.setattr(lease, "FREE_AFTER_SECONDS", -1.0)
    sleeper.require()
    monkeypatch.setattr(lease, "_has_died", lambda hold: True)
    successor.acquire()
    with pytest.raises(StoreError, match="is being written by pid"):
        sleeper.require()
    successor.release()


def test_a_lease_whose_answer_was_lost_is_held(store):
    holder = lease_at(store, "mute")
    store.faults.extend(["none", "mute"])
    holder.acquire()
    store.faults.append("mute")
    holder._renew()
    holder.require()
    holder.release()
    assert lease_holder(holder.path) is None


def test_a_lease_taken_and_given_back_by_another_is_lost_all_the_same(store, monkeypatch):
    first, second = lease_at(store, "returned"), lease_at(store, "returned")
    first.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(lease, "_has_died", lambda hold: True)
        second.acquire()
    second.release()
    first._renew()
    with pytest.raises(StoreError, match=r"another has written there meanwhile"):
        first.require()
    first.release()


def test_the_keys_of_a_profile_serve_too(store, monkeypatch, tmp_path):
    (tmp_path / "keys").write_text(
        "[work]\naws_access_key_id = us\naws_secret_access_key = hush\n", "utf-8"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    place = uri(store, "profile/writer.lock")
    path = path_of(place.replace("&access_key=us&secret_key=hush", ""))
    assert not isinstance(path, Path)
    holder = Lease(path)
    holder.acquire()
    holder.release()
