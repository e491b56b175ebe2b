"""mho.data: IDX files, the full MNIST set from a folder or a server, and rebuilding the embedded digits."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib.util
import lzma
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mho import data
from mho.data import embedded, mnist_files, read_idx
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
REPOSITORY = Path(__file__).resolve().parents[2]


def idx(shape: tuple[int, ...], content: bytes | None = None, kind: int = 0x08) -> bytes:
    content = bytes(int(np.prod(shape))) if content is None else content
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + content


@pytest.fixture
def official() -> Path:
    """The folder with MNIST's own four files, where this machine has it."""
    named = os.environ.get("MHO_DATA_DIR")
    folder = Path(named).expanduser() if named else REPOSITORY.parent / "shared/data/mnist"
    lacking = [name for name in NAMES if not any((folder / (name + end)).is_file() for end in ("", ".gz"))]
    if lacking:
        pytest.skip(f"the full MNIST is not in {folder} (set MHO_DATA_DIR): it lacks {', '.join(lacking)}")
    return folder


# -------------------------------------------------------------------------------- IDX


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_read_idx(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    content = idx((2, 3, 4), bytes(range(24)))
    path.write_bytes(gzip.compress(content, mtime=0) if suffix else content)
    array = read_idx(path, ndim=3)
    np.testing.assert_array_equal(array, np.arange(24, dtype=np.uint8).reshape(2, 3, 4), strict=True)
    assert not array.flags.writeable
    np.testing.assert_array_equal(read_idx(str(path), ndim=3), array)


PLAIN = idx((5,))
PACKED = gzip.compress(PLAIN, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f", b"", r"found an empty file"),
        ("f", b"\0\0", r"expected an IDX file of unsigned bytes in 1 dimension .*found 00 00$"),
        ("f", b"<html>not found</html>", r"first bytes 00 00 08 01\), found 3c 68 74 6d"),
        ("f", PACKED, r"first bytes 00 00 08 01\), found 1f 8b"),
        ("f", idx((5,), kind=0x07), r"first bytes 00 00 08 01\), found 00 00 07 01"),
        (
            "f",
            idx((5,), bytes(20), kind=0x0D),
            r"unsigned bytes in 1 dimension, found elements of type float32",
        ),
        ("f", idx((5,), kind=0x09), r"found elements of type signed byte"),
        ("f", idx((5, 1)), r"in 1 dimension, found 2 dimensions"),
        ("f", PLAIN[:6], r"expected a header of 8 bytes, found a file of 6 bytes"),
        ("f", PLAIN[:-1], r"expected 13 bytes for shape \(5,\), found the file truncated: 12 bytes"),
        (
            "f",
            PLAIN + b"x",
            r"expected 13 bytes for shape \(5,\), found the file with trailing bytes: 14 bytes",
        ),
        ("f", idx((2**32 - 1,), b""), r"expected 4294967303 bytes .* found the file truncated: 8 bytes"),
        ("f.gz", PLAIN, r"expected a gzip file \(first bytes 1f 8b\), as its name says, found 00 00 08 01"),
        ("f.gz", b"", r"expected a gzip file .* found an empty file"),
        ("f.gz", PACKED[:-1], r"expected a complete gzip file, found it truncated after"),
        ("f.gz", PACKED[:5], r"expected a complete gzip file, found it truncated after 5 bytes"),
        ("f.gz", PACKED + b"junk", r"expected an intact gzip file, found it damaged"),
        ("f.gz", PACKED[:-8] + bytes(8), r"expected an intact gzip file, found it damaged"),
        ("f.gz", PACKED[:10] + b"\xff" * 10, r"expected an intact gzip file, found it damaged"),
        ("f.gz", gzip.compress(PLAIN + b"x", mtime=0), r"found the file with trailing bytes: 14 bytes"),
        ("f.gz", gzip.compress(PLAIN[:-1], mtime=0), r"found the file truncated: 12 bytes"),
    ],
)
def test_read_idx_refuses(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MhoFileError, match=message) as caught:
        read_idx(path, ndim=1)
    assert str(caught.value).startswith(f"{path}: ")


def test_read_idx_of_no_file(tmp_path: Path) -> None:
    with pytest.raises(MhoFileError, match=r"nothing: no such file"):
        read_idx(tmp_path / "nothing", ndim=1)
    with pytest.raises(MhoFileError, match=r": cannot be read: "):
        read_idx(tmp_path, ndim=1)


# -------------------------------------------------------------------------------- MNIST in a folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four small files of MNIST's kind that the code takes for the official ones."""
    monkeypatch.delenv("MHO_DATA_DIR", raising=False)
    rng = np.random.Generator(np.random.PCG64(1))
    files = {}
    for name in NAMES:
        n = 30 if name.startswith("train") else 20
        shape = (n, 28, 28) if "idx3" in name else (n,)
        files[name] = idx(shape, rng.integers(0, 256 if "idx3" in name else 10, shape, np.uint8).tobytes())
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(mnist_files, "_SHA256", hashes)
    return files


@pytest.fixture
def folder(tmp_path: Path, small: dict[str, bytes]) -> Path:
    """A folder that holds them, two plain and two compressed."""
    path = tmp_path / "mnist"
    path.mkdir()
    for name, content in small.items():
        if "images" in name:
            (path / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (path / name).write_bytes(content)
    return path


def check_small(parts: tuple[data.Dataset, data.Dataset], files: dict[str, bytes]) -> None:
    for part, prefix, name in zip(parts, ("train", "t10k"), ("mnist/train", "mnist/test"), strict=True):
        pixels = np.frombuffer(files[f"{prefix}-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 784)
        labels = np.frombuffer(files[f"{prefix}-labels-idx1-ubyte"], np.uint8, offset=8)
        np.testing.assert_array_equal(part.x, pixels.astype(np.float32) / np.float32(255), strict=True)
        np.testing.assert_array_equal(part.y, labels)
        assert (part.name, part.classes) == (name, 10)


def test_mnist_official_files(official: Path) -> None:
    train, test = data.mnist(official)
    assert train.x.shape == (60_000, 784)
    assert test.x.shape == (10_000, 784)
    assert train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (train.x.min(), train.x.max()) == (0, 1)


def test_mnist_from_data_dir(folder: Path, small: dict[str, bytes]) -> None:
    check_small(data.mnist(folder), small)
    check_small(data.mnist(str(folder), download=False), small)
    check_small(data.load("mnist", folder), small)


def test_mnist_from_environment(
    folder: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MHO_DATA_DIR", str(folder))
    monkeypatch.setitem(sys.modules, "pooch", None)  # needed for nothing but a download
    check_small(data.mnist(), small)
    check_small(data.load("mnist"), small)


def test_mnist_prefers_the_plain_file(folder: Path, small: dict[str, bytes]) -> None:
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"not read")
    check_small(data.mnist(folder), small)


def test_mnist_missing_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(
        MhoFileError, match=r"data_dir = .* lacks train-labels-idx1-ubyte \(each plain or as \.gz\)"
    ):
        data.mnist(folder)
    monkeypatch.setenv("MHO_DATA_DIR", str(folder))
    with pytest.raises(MhoFileError, match=r"MHO_DATA_DIR = .* lacks train-labels-idx1-ubyte \("):
        data.mnist()


@pytest.mark.usefixtures("small")
def test_mnist_missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MhoFileError, match=r"data_dir must be an existing folder, got .*nowhere"):
        data.mnist(tmp_path / "nowhere")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(MhoFileError, match=r"data_dir must be an existing folder, got .*file"):
        data.mnist(file)
    monkeypatch.setenv("MHO_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(MhoFileError, match=r"MHO_DATA_DIR must be an existing folder, got .*nowhere"):
        data.mnist()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "t10k-labels-idx1-ubyte",
            lambda b: b[:-1] + b"\x0a",
            r"expected MNIST's t10k-labels-idx1-ubyte with sha256",
        ),
        ("t10k-labels-idx1-ubyte", lambda b: b[:-1], r"truncated"),
        ("t10k-labels-idx1-ubyte", lambda b: b + b"\0", r"with trailing bytes"),
        ("t10k-labels-idx1-ubyte", lambda b: idx((20, 28, 28)), r"in 1 dimension, found 3 dimensions"),
        ("train-images-idx3-ubyte.gz", lambda b: b[:-100], r"truncated"),
        ("train-images-idx3-ubyte.gz", lambda b: b"<html>", r"expected a gzip file"),
        ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b"GIF89a", mtime=0), r"expected an IDX file"),
        (
            "train-images-idx3-ubyte.gz",
            lambda b: gzip.compress(idx((20,)), mtime=0),
            r"in 3 dimensions, found 1 dim",
        ),
        ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(idx((30, 28, 28)), mtime=0), r"sha256"),
    ],
)
def test_mnist_wrong_file(folder: Path, name: str, change: Callable[[bytes], bytes], message: str) -> None:
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(MhoFileError, match=message) as caught:
        data.mnist(folder)
    assert str(path) in str(caught.value)


def test_mnist_refuses_types(folder: Path) -> None:
    with pytest.raises(MhoTypeError, match="mnist: data_dir must be a path, got 3"):
        data.mnist(3)  # type: ignore[arg-type]
    with pytest.raises(MhoTypeError, match="mnist: download must be True or False, got 1"):
        data.mnist(folder, download=1)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------- MNIST from a server


class Server:
    """Serves `files` on 127.0.0.1; the name in `broken` ends in the way that `how` says."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.broken = ""
        self.how = ""
        self.requests: list[str] = []
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                outer.requests.append(name)
                body = outer.files.get(name)
                how = outer.how if name == outer.broken else ""
                if body is None or how == "404":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if how in ("cut", "stall") else body)
                if how == "stall":
                    self.wfile.flush()
                    outer.release.wait(20)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/mnist/"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pooch says that caches are, and no proxy between us and the server."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "mho" / "mnist"


@pytest.fixture
def server(small: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = Server({f"{name}.gz": gzip.compress(content, mtime=0) for name, content in small.items()})
    monkeypatch.setattr(mnist_files, "_BASE_URL", running.url)
    yield running
    running.close()


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*"))


def test_download_once(server: Server, small: dict[str, bytes], cache: Path) -> None:
    check_small(data.mnist(), small)
    assert sorted(server.requests) == sorted(f"{name}.gz" for name in NAMES)
    assert leftovers(cache) == sorted(f"{name}.gz" for name in NAMES)
    check_small(data.mnist(), small)
    check_small(data.mnist(download=False), small)
    assert len(server.requests) == 4


def test_download_only_what_the_cache_lacks(server: Server, small: dict[str, bytes], cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / NAMES[0]).write_bytes(small[NAMES[0]])
    check_small(data.mnist(), small)
    assert server.requests == [f"{name}.gz" for name in NAMES[1:]]


def test_download_although_the_environment_names_a_folder_of_other_things(
    server: Server, small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("MHO_DATA_DIR", str(other))
    with pytest.raises(
        MhoFileError, match=r"MHO_DATA_DIR = .*other holds none of its files, the cache .* lacks"
    ):
        data.mnist(download=False)
    assert server.requests == []
    check_small(data.mnist(), small)
    assert len(server.requests) == 4
    assert list(other.iterdir()) == []


def test_no_download_with_data_dir(server: Server, tmp_path: Path, cache: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MhoFileError, match=f"lacks {', '.join(NAMES)}"):
        data.mnist(empty)
    assert server.requests == []
    assert not cache.exists()


@pytest.mark.parametrize("which", [0, 3])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("404", r"mnist: cannot download http://127.*404"),
        ("cut", r"mnist: cannot download http://127|truncated"),
        ("stall", r"mnist: cannot download http://127.*timed out"),
    ],
)
def test_failing_download(
    server: Server, cache: Path, which: int, how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_files, "_TIMEOUT", 0.3)
    server.broken, server.how = f"{NAMES[which]}.gz", how
    with pytest.raises(MhoFileError, match=message) as caught:
        data.mnist()
    assert f"{server.url}{NAMES[which]}.gz" in str(caught.value)
    assert leftovers(cache) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>please log in</html>", r"expected a gzip file"),
        (b"", r"expected a gzip file .* found an empty file"),
        (gzip.compress(idx((20,)), mtime=0)[:-4], r"truncated"),
        (gzip.compress(idx((20,)), mtime=0), r"expected MNIST's t10k-labels-idx1-ubyte with sha256"),
        (gzip.compress(idx((20, 28, 28)), mtime=0), r"in 1 dimension, found 3 dimensions"),
    ],
)
def test_download_of_something_else(server: Server, cache: Path, body: bytes, message: str) -> None:
    server.files["t10k-labels-idx1-ubyte.gz"] = body
    with pytest.raises(MhoFileError, match=message) as caught:
        data.mnist()
    assert f"{server.url}t10k-labels-idx1-ubyte.gz: " in str(caught.value)
    assert leftovers(cache) == []


def test_failed_download_keeps_what_was_there(server: Server, small: dict[str, bytes], cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / NAMES[0]).write_bytes(small[NAMES[0]])
    server.broken, server.how = f"{NAMES[2]}.gz", "404"
    with pytest.raises(MhoFileError):
        data.mnist()
    assert leftovers(cache) == [NAMES[0]]
    server.how = ""
    check_small(data.mnist(), small)


@pytest.mark.usefixtures("small")
def test_no_server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody else answers there
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(mnist_files, "_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/")
        with pytest.raises(MhoFileError, match=r"mnist: cannot download http://127.*train-images"):
            data.mnist()
    assert leftovers(cache) == []


@pytest.mark.usefixtures("server")
def test_unusable_cache(cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.touch()
    with pytest.raises(MhoFileError, match=r"mnist: cannot write to the cache .*mnist"):
        data.mnist()


def test_damaged_cache(server: Server, cache: Path) -> None:
    data.mnist()
    path = cache / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MhoFileError, match=r"cache.*t10k-labels-idx1-ubyte\.gz: .*truncated"):
        data.mnist()


@pytest.mark.usefixtures("small")
def test_without_pooch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MhoRuntimeError, match=r"MHO_DATA_DIR is not set.*pip install 'mho\[data\]'"):
        data.mnist()
    with pytest.raises(MhoFileError, match=r"MHO_DATA_DIR is not set, and download is False"):
        data.mnist(download=False)


# -------------------------------------------------------------------------------- rebuilding the digits


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_digits", REPOSITORY / "tools" / "make_digits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rebuilt_digits_are_the_same(tool: ModuleType, official: Path) -> None:
    assert tool.content(official) == lzma.decompress(embedded.DIGITS_FILE.read_bytes())


def test_choice_is_spread_over_the_file(tool: ModuleType) -> None:
    labels = np.tile(np.arange(10, dtype=np.uint8), 7)
    images = np.broadcast_to(np.arange(70, dtype=np.uint8)[:, None, None], (70, 28, 28))
    chosen = tool.choose(images, labels, 3)
    assert chosen.shape == (10, 3, 28, 28)
    # floor(i 7 / 3) = 0, 2, 4 of class 5
    assert chosen[5, :, 0, 0].tolist() == [5, 25, 45]


def test_tool_packs_alike_twice_and_unpacks(tool: ModuleType) -> None:
    content = idx((10, 4, 28, 28), bytes(range(245)) * 128)
    assert tool.pack(content) == tool.pack(content)
    assert lzma.decompress(tool.pack(content)) == content


def test_tool_reports_a_missing_folder(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "digits.idx.xz"
    arguments = ["make_digits.py", "--mnist-dir", str(tmp_path / "no"), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert tool.main() == 1
    assert "must be an existing folder" in capsys.readouterr().err
    assert not output.exists()


def test_errors_are_mho_errors_and_os_errors() -> None:
    assert issubclass(MhoFileError, MhoError)
    with pytest.raises(OSError, match="no such file"):
        read_idx("/nonexistent/file", ndim=1)
