"""Second copies: a port with two carriers, a directory and an S3-compatible store, and the work of bringing them up.

Objects are written once (create-only) and read back before they count; a run that was interrupted goes on with what is
missing. What is found under a name with other content is never replaced: that is an alarm, not a repair.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from recordings import backup, derived
from recordings.chain import walk
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles, is_recording_id, recordings_dir, segment_name

log = structlog.get_logger()

_CHUNK = 1 << 20
_ONE_PUT = 64 << 20
"""Bytes up to which an object is written in one request, which the store refuses when the name is taken."""


SETTLED = 10.0
"""Seconds after which nothing more comes to a segment that another follows: a recorder that died and came back has put
aside what was torn by then."""


class StoreAway(Exception):
    """The store cannot be reached or is full; ask again later. Nothing is lost: the local copy stays."""


class Differs(Exception):
    """The store holds something else under this name."""


class Store(Protocol):
    """Where second copies lie. Names are ``<recording>/<file>``."""

    def names(self, recording: str) -> dict[str, int]:
        """Names below a recording, with their sizes. Raises ``StoreAway``."""

    def put(self, name: str, path: Path) -> None:
        """Write a new object. Raises ``Differs`` when the name is taken, and ``StoreAway``."""

    def get(self, name: str) -> Iterator[bytes]:
        """Yield an object's content. Raises ``StoreAway`` and ``KeyError``."""


class DirectoryStore:
    """A directory, on another disk."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self._root = root
        self._disk = disk or Disk()

    def names(self, recording: str) -> dict[str, int]:
        place = self._root / recording
        try:
            found = [path for path in place.rglob("*") if path.is_file() and not path.name.startswith(".")]
            return {str(path.relative_to(self._root)): path.stat().st_size for path in found}
        except OSError as error:
            raise StoreAway(type(error).__name__) from None

    def put(self, name: str, path: Path) -> None:
        target = self._root / name
        if target.exists():
            raise Differs(name)
        try:
            backup.copy_checked(path, target, self._disk)
        except OSError as error:
            raise StoreAway(type(error).__name__) from None

    def get(self, name: str) -> Iterator[bytes]:
        try:
            with (self._root / name).open("rb") as file:
                while data := file.read(_CHUNK):
                    yield data
        except FileNotFoundError:
            raise KeyError(name) from None
        except OSError as error:
            raise StoreAway(type(error).__name__) from None


class ObjectStore:
    """An S3-compatible store through obstore; retries and multipart are its own."""

    def __init__(self, store: Any, one_put: int = _ONE_PUT) -> None:
        """``store``: made by ``obstore.store.from_url``, with the bucket and prefix for recordings."""
        self._store = store
        self._one_put = one_put

    @classmethod
    def at(cls, url: str, **options: Any) -> "ObjectStore":
        """``url`` as ``s3://bucket/prefix``; ``options`` as obstore names them (``endpoint``, ``access_key_id``, …)."""
        from obstore.store import from_url

        return cls(from_url(url, **options))

    def names(self, recording: str) -> dict[str, int]:
        import obstore

        with _away():
            pages = obstore.list(self._store, prefix=f"{recording}/")
            return {str(item["path"]): int(item["size"]) for page in pages for item in page}

    def put(self, name: str, path: Path) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotFoundError

        with _away():
            if path.stat().st_size > self._one_put:
                try:
                    obstore.head(self._store, name)
                except (NotFoundError, FileNotFoundError):
                    obstore.put(self._store, name, path, use_multipart=True)
                    return
                raise Differs(name)
            try:
                obstore.put(self._store, name, path, mode="create", use_multipart=False)
            except AlreadyExistsError:
                raise Differs(name) from None

    def get(self, name: str) -> Iterator[bytes]:
        import obstore
        from obstore.exceptions import NotFoundError

        with _away():
            try:
                stream = obstore.get(self._store, name).stream(min_chunk_size=_CHUNK)
            except (NotFoundError, FileNotFoundError):
                raise KeyError(name) from None
            for piece in stream:
                yield bytes(piece)


class _away:
    """Turns what the object store's client raises into ``StoreAway``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        from obstore.exceptions import BaseError

        if isinstance(error, BaseError | OSError):
            raise StoreAway(type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class Brought:
    """What one run brought to a store."""

    put: tuple[str, ...]
    waiting: tuple[str, ...]
    """Still being written here: brought when they are finished."""


def bring(files: RecordingFiles, store: Store) -> Brought:
    """Bring what is finished of a recording to a store, each object read back; run again, only what is missing.

    Segments go as soon as their last frame is signed, the rest when the chain is closed. Raises ``StoreAway`` and
    ``Differs``.
    """
    ready, waiting = finished(files)
    return Brought(_put(files, ready, store), tuple(path.name for path in waiting))


def bring_ended(files: RecordingFiles, store: Store, now: float) -> tuple[str, ...]:
    """Bring keys and ended segments of a recording that runs; return the names. ``now``: seconds since 1970.

    Asked for every minute, it does not read the chain: a segment after which another was begun is ended, once nothing
    was written to it for ``SETTLED``. Raises as ``bring``.
    """
    found = list(files.segments().values())[:-1]
    ended = [path for path in found if now - path.stat().st_mtime > SETTLED]
    return _put(files, [files.keys, *ended] if files.keys.is_file() else [], store)


def _put(files: RecordingFiles, ready: Sequence[Path], store: Store) -> tuple[str, ...]:
    there = store.names(files.root.name)
    put = []
    for path, name in _placed(files, ready, store, there):
        if name in there:
            if there[name] != path.stat().st_size:
                raise Differs(name)
            continue
        store.put(name, path)
        if digest_in(store, name) != backup.digest_of(path):
            raise Differs(name)
        put.append(name)
    return tuple(put)


def finished(files: RecordingFiles) -> tuple[list[Path], list[Path]]:
    """Files of a recording that will not change any more, and those that will."""
    bodies = list(walk(files.chain.read_bytes()).signed())
    ended = {segment_name(body["segment"]) for body in bodies if body["type"] == "frame" and body.get("last")}
    closed = any(body["type"] == "close" for body in bodies)
    ready: list[Path] = []
    waiting: list[Path] = []
    for path in sorted(files.root.rglob("*")):
        if not path.is_file() or path.name.startswith(".") or path.suffix in (".new", ".part"):
            continue
        is_ready = closed or path.name in ended or path == files.keys
        (ready if is_ready else waiting).append(path)
    # ``keys.json`` goes first: without it the rest is noise
    return sorted(ready, key=lambda path: path != files.keys), waiting


def _placed(
    files: RecordingFiles, ready: Sequence[Path], store: Store, there: Mapping[str, int]
) -> Iterator[tuple[Path, str]]:
    """Each file with the name of its object. A film that was made anew lies, with what is signed about it, in a folder
    of its own beside the one before: what a store has is never replaced."""
    recording = files.root.name
    for path in ready:
        name = f"{recording}/{path.relative_to(files.root)}"
        about = path if path.suffix == ".json" else path.with_name(f"{path.name}.json")
        if path.parent == files.derived and about.is_file():
            said, folder = about.read_bytes(), f"{recording}/{files.derived.name}"
            if _is_another(said, f"{folder}/{about.name}", store, there):
                name = f"{folder}/{hashlib.sha256(said).hexdigest()[:16]}/{path.name}"
        yield path, name


def _is_another(said: bytes, name: str, store: Store, there: Mapping[str, int]) -> bool:
    """Whether the store's film of that name is of an earlier making; rot is none."""
    if name in there:
        known = b"".join(store.get(name))
        return said != known and derived.read_sidecar(known) is not None
    film, sidecar = name.removesuffix(".json"), derived.read_sidecar(said)
    return film in there and sidecar is not None and digest_in(store, film) != sidecar.stored_sha256


def verify_copy(store: Store, recording: str, files: RecordingFiles) -> list[str]:
    """Names whose content in the store is not what it is here; the weekly comparison."""
    ready, _ = finished(files)
    wrong = []
    for path, name in _placed(files, ready, store, store.names(recording)):
        try:
            same = digest_in(store, name) == backup.digest_of(path)
        except KeyError:
            same = False
        if not same:
            wrong.append(name)
    return wrong


def fetch(store: Store, recording: str, target: Path) -> Path:
    """Bring a recording back from a store into ``target/recordings/<id>``, as ``scrub.repair`` wants a copy.

    Raises ``StoreAway`` and ``ValueError``.
    """
    if not is_recording_id(recording):
        raise ValueError("not a recording id")
    root = recordings_dir(target) / recording
    for name in store.names(recording):
        path = (root.parent / name).resolve()
        if root.resolve() not in path.parents:
            raise ValueError("a name that leads elsewhere")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for piece in store.get(name):
                file.write(piece)
    return target


def repair_from(data_dir: Path, recording: str, store: Store, disk: Disk) -> list[str]:
    """Repair a recording from its copy in a store; return the names repaired."""
    from recordings import scrub

    with tempfile.TemporaryDirectory(dir=data_dir) as place:
        return scrub.repair(data_dir, recording, [fetch(store, recording, Path(place))], disk)


def digest_in(store: Store, name: str) -> str:
    """SHA-256 of an object as the store gives it back. Raises ``KeyError`` and ``StoreAway``."""
    digest = hashlib.sha256()
    for piece in store.get(name):
        digest.update(piece)
    return digest.hexdigest()
