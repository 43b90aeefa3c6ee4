"""Second copies in a real S3 server: OpenStack Swift with s3api, in an environment of its own."""

import os
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from core import ledger
from recordings import storage
from recordings.jobs import handlers, refresh
from recordings.keys import site_trust
from recordings.library import Library
from recordings.storage import Differs, ObjectStore, StoreAway
from recordings.upkeep import scrub_round
from recordings.verify import verify

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-s3" / "bin" / "python"
MINIMUM = 5 << 20
"""Bytes a part of a multipart upload has at least."""


class Swift:
    """The server over one directory; may be killed and started again."""

    def __init__(self, place: Path, port: int) -> None:
        self.place, self.port = place, port
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [
            str(PYTHON),
            "-W",
            "ignore",
            str(ROOT / "tests" / "s3" / "server.py"),
            str(self.place),
            str(self.port),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def store(self, bucket: str, *, key: str = "testing", port: int | None = None, retries: int = 2) -> ObjectStore:
        """A store whose uploads above 5 MiB are multipart."""
        return ObjectStore(self.client(bucket, key=key, port=port, retries=retries), one_put=MINIMUM)

    def client(self, bucket: str, *, key: str = "testing", port: int | None = None, retries: int = 2) -> S3Store:
        return S3Store(
            bucket,
            endpoint=f"http://127.0.0.1:{port or self.port}",
            access_key_id="test:tester",
            secret_access_key=key,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=60)},
        )

    def rot(self, content: bytes) -> None:
        """Flip one bit of the stored object that has this content."""
        for path in self.place.rglob("objects/**/*.data"):
            if path.read_bytes() == content:
                path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
                return
        raise AssertionError("no such object")


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A running server. Without its environment the tests are skipped; in CI they fail."""
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the S3 server is missing: scripts/setup dev makes .venv-s3")
        pytest.skip("no S3 server: scripts/setup dev makes .venv-s3")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    server = Swift(tmp_path_factory.mktemp("swift"), port)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bucket(swift: Swift, request: pytest.FixtureRequest) -> str:
    """A new bucket of the test's own."""
    name = f"b-{sha256(request.node.name.encode()).hexdigest()[:20]}"
    address = obstore.sign(swift.client(name), "PUT", "", expires_in=timedelta(minutes=5))
    with urllib.request.urlopen(urllib.request.Request(address, method="PUT")) as answer:
        assert answer.status == 200
    return name


def test_a_recording_is_brought_read_back_and_fetched(swift, bucket, finished, tmp_path):
    """Whole, once; what comes back verifies."""
    store = swift.store(bucket)
    assert "rec-1/seg-000001" in storage.bring(finished.files, store).put
    assert storage.bring(finished.files, store).put == ()
    assert storage.verify_copy(store, "rec-1", finished.files) == []
    storage.fetch(store, "rec-1", tmp_path / "back")
    assert verify(tmp_path / "back" / "recordings" / "rec-1", site_trust(finished.data_dir)).exit_code == 0


@pytest.mark.parametrize("size", [1000, MINIMUM + (3 << 20)], ids=["one request", "multipart"])
def test_a_name_is_written_once(swift, bucket, tmp_path, size):
    """The second writer is refused, and what was there stays."""
    store, first, second = swift.store(bucket), tmp_path / "a", tmp_path / "b"
    first.write_bytes(os.urandom(size))
    second.write_bytes(os.urandom(size))
    store.put("r/x", first)
    with pytest.raises(Differs):
        store.put("r/x", second)
    assert b"".join(store.get("r/x")) == first.read_bytes()
    assert store.names("r") == {"r/x": size}


def test_a_wrong_key_is_refused(swift, bucket, finished):
    """The server checks the signature: nothing is written, and the copy counts as away."""
    with pytest.raises(StoreAway):
        swift.store(bucket, key="wrong").put("r/x", finished.files.keys)
    assert swift.store(bucket).names("r") == {}
    with pytest.raises(KeyError):
        list(swift.store(bucket).get("r/x"))


def test_what_was_altered_on_the_way_does_not_count(swift, bucket, finished):
    """A proxy that changes one byte of what is read back is found by the digest."""
    with Meddler(swift.port, flip=finished.files.keys.read_bytes()) as port, pytest.raises(Differs):
        storage.bring(finished.files, swift.store(bucket, port=port))


def test_broken_connections_are_tried_again(swift, bucket, finished):
    """Three connections cut within a request cost only time."""
    with Meddler(swift.port, cut=3) as port:
        store = swift.store(bucket, port=port, retries=8)
        assert storage.bring(finished.files, store).put
    assert storage.verify_copy(swift.store(bucket), "rec-1", finished.files) == []


async def test_a_store_that_goes_and_comes_back_is_served_where_it_was_left(swift, bucket, finished, sqlite_database):
    """Killed after the first object: the job is asked for again, nothing here is lost, and the rest is brought."""
    store = swift.store(bucket)
    real, count = store.put, 0

    def put(name: str, path: Path) -> None:
        nonlocal count
        if count == 1:
            swift.kill()
        count += 1
        real(name, path)

    store.put = put
    library = Library(finished.data_dir, finished.clock)
    await refresh(library, sqlite_database, finished.clock, "rec-1")
    copy = handlers(finished.data_dir, sqlite_database, finished.clock, copies=[store])["copy_recording"]
    await copy({"recording": "rec-1"})
    async with sqlite_database.transaction(write=False) as tx:
        from sqlalchemy import select

        from core.jobs import Job

        assert "copy_recording" in (await tx.execute(select(Job.kind))).scalars().all()
    swift.start()
    assert verify(finished.files.root).exit_code == 0
    after = storage.bring(finished.files, swift.store(bucket))
    assert after.put
    assert "rec-1/keys.json" not in after.put
    assert storage.verify_copy(swift.store(bucket), "rec-1", finished.files) == []


async def test_the_weekly_round_mends_from_s3_and_finds_rot_there(swift, bucket, finished, sqlite_database):
    """One flipped bit here comes back from the copy; one flipped bit there is told, and never written over."""
    store, library = swift.store(bucket), Library(finished.data_dir, finished.clock)
    await refresh(library, sqlite_database, finished.clock, "rec-1")
    storage.bring(finished.files, store)
    path = finished.files.segment(1)
    good = path.read_bytes()
    path.write_bytes(good[:99] + bytes([good[99] ^ 1]) + good[100:])
    assert (await scrub_round(library, sqlite_database, finished.clock, [store])).mended == ("rec-1",)
    assert path.read_bytes() == good
    swift.rot(good)
    found = await scrub_round(library, sqlite_database, finished.clock, [store])
    assert (found.sound, found.rotten) == (1, ("rec-1/seg-000001",))
    async with sqlite_database.transaction(write=False) as tx:
        assert len(await ledger.find(tx, ledger.Wanted(tag="recording.copy-spoilt"))) == 1


class Meddler:
    """A TCP proxy on loopback that cuts the first requests short, or flips a byte of a content it knows."""

    def __init__(self, target: int, *, cut: int = 0, flip: bytes = b"") -> None:
        self._target, self._cut, self._flip = target, cut, flip
        self._door = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._door.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self._cut:
                self._cut -= 1
                near.recv(1)  # cut before a request begins, obstore does not try again; the job then does
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._carry, args=(near, far, b""), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, self._flip), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, flip: bytes) -> None:
        try:
            while data := source.recv(1 << 20):
                if flip and flip in data:
                    data = data.replace(flip, bytes([flip[0] ^ 1]) + flip[1:])
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for sock in (source, sink):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    sock.close()
