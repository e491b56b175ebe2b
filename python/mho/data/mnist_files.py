"""The full MNIST set: found in a folder or downloaded, and checked against the official files' checksums."""

from __future__ import annotations

import hashlib
import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mho._validate import boolean
from mho.data.dataset import Dataset
from mho.data.embedded import from_pixels
from mho.data.idx import parse_idx, unpack
from mho.errors import MhoFileError, MhoRuntimeError, MhoTypeError

__all__ = ["mnist", "read_mnist"]

_BASE_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_TIMEOUT = 30.0  # seconds, to connect and between two packets

# sha256 of the unpacked files: compressing again changes the packed ones
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def mnist(data_dir: str | os.PathLike[str] | None = None, download: bool = True) -> tuple[Dataset, Dataset]:
    """Load the full MNIST set: 60,000 training and 10,000 test images of digits.

    The four official files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each plain or compressed (``.gz``; the plain
    one is preferred). They are looked for in

    1. `data_dir`, if given, and then nowhere else;
    2. the folder that the environment variable ``MHO_DATA_DIR`` names, unless it holds none of them;
    3. the user's cache folder, into which what it lacks is downloaded (11 MB) if `download` is true, which
       needs pooch: ``pip install 'mho[data]'``.

    Wherever they come from, the sha256 of the unpacked files is checked. A download that fails leaves no file
    behind.

    Parameters
    ----------
    data_dir : str or path-like, optional
        Folder with the four files.
    download : bool
        Whether files that are not found may be downloaded; without effect if `data_dir` is given.

    Returns
    -------
    train, test : Dataset
        x : (60000, 784) and (10000, 784), grey levels 0 (background) .. 1, the image row by row;
        y : the digit, 0 .. 9; in the order of the files.

    Raises
    ------
    MhoFileError
        If a folder does not exist or lacks some of the files, a file is not the official one (but of another
        kind, truncated or changed), or a download fails.
    MhoRuntimeError
        If a download is needed and pooch is not installed.
    MhoTypeError
        If `data_dir` is no path or `download` no bool.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 86, 2278-2324 (1998), doi:10.1109/5.726791.

    Examples
    --------
    >>> train, test = mnist("~/mnist")  # doctest: +SKIP
    >>> train  # doctest: +SKIP
    Dataset('mnist/train', n=60000, features=784, classes=10)
    """
    train, test = read_mnist(data_dir, download)
    return _dataset("mnist/train", *train), _dataset("mnist/test", *test)


def read_mnist(
    data_dir: str | os.PathLike[str] | None = None, download: bool = True
) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Read the official files as they are; parameters and errors are those of `mnist`.

    Returns
    -------
    train, test : (images, labels)
        images : (n, 28, 28) ndarray of uint8, labels : (n,) ndarray of uint8, n = 60000 and 10000, read-only.
    """
    files = _files(data_dir, boolean("mnist: download", download))
    train_images, train_labels, test_images, test_labels = (_checked(files[name], name) for name in _SHA256)
    return (train_images, train_labels), (test_images, test_labels)


def _checked(path: Path, name: str, source: str | None = None) -> NDArray[np.uint8]:
    """Read the official file `name` from `path`; errors call it `source`, by default its path."""
    source = str(path) if source is None else source
    content = unpack(path, source)
    # first what kind of file it is: that says more than a checksum that differs
    array = parse_idx(content, source, ndim=3 if "-idx3-" in name else 1)
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256[name]:
        raise MhoFileError(
            f"{source}: expected MNIST's {name} with sha256 {_SHA256[name]} (unpacked), found {found}"
        )
    return array


def _dataset(name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    return Dataset(from_pixels(images), labels.astype(np.int64), name=name, classes=10)


def _files(data_dir: str | os.PathLike[str] | None, download: bool) -> dict[str, Path]:
    if data_dir is not None:
        if not isinstance(data_dir, str | os.PathLike):
            raise MhoTypeError(
                f"mnist: data_dir must be a path, got {data_dir!r} ({type(data_dir).__name__})"
            )
        return _complete(Path(data_dir).expanduser(), "data_dir")
    chosen = os.environ.get("MHO_DATA_DIR")
    if chosen:
        folder = Path(chosen).expanduser()
        # a folder with other things is no mistake; one that does not exist or has lost a file is
        if not folder.is_dir() or _present(folder):
            return _complete(folder, "MHO_DATA_DIR")
    where = f"MHO_DATA_DIR = {chosen} holds none of its files" if chosen else "MHO_DATA_DIR is not set"
    try:
        pooch: Any = importlib.import_module("pooch")
    except ImportError:
        if not download:
            raise MhoFileError(f"mnist: {where}, and download is False") from None
        raise MhoRuntimeError(
            f"mnist: {where}, and a download needs pooch: pip install 'mho[data]', or give data_dir"
        ) from None
    cache = Path(pooch.os_cache("mho")).expanduser() / "mnist"
    files = _present(cache)
    missing = [name for name in _SHA256 if name not in files]
    if missing:
        if not download:
            raise MhoFileError(
                f"mnist: {where}, the cache {cache} lacks {', '.join(missing)}, and download is False"
            )
        _download(pooch, cache, missing)
    return _complete(cache, "the cache")


def _present(folder: Path) -> dict[str, Path]:
    """Map each official name to the file in `folder` that holds it, for those that are there."""
    # the plain file last, so that it wins over the compressed one
    candidates = ((name, folder / (name + suffix)) for suffix in (".gz", "") for name in _SHA256)
    return {name: path for name, path in candidates if path.is_file()}


def _complete(folder: Path, origin: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise MhoFileError(f"mnist: {origin} must be an existing folder, got {folder}")
    files = _present(folder)
    missing = [name for name in _SHA256 if name not in files]
    if missing:
        raise MhoFileError(f"mnist: {origin} = {folder} lacks {', '.join(missing)} (each plain or as .gz)")
    return files


def _download(pooch: Any, cache: Path, names: list[str]) -> None:
    """Bring the named files into `cache`: all of them, checked, or none."""
    # identity: a server that offers to compress the transfer must not make the client unpack the .gz itself
    fetch = pooch.HTTPDownloader(
        chunk_size=1 << 16, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}
    )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=cache) as folder:
            for name in names:
                url = f"{_BASE_URL}{name}.gz"
                path = Path(folder, f"{name}.gz")
                try:
                    fetch(url, str(path), None)
                except (OSError, ValueError) as error:  # requests' own errors are OSErrors
                    response = getattr(error, "response", None)
                    if (
                        response is not None
                    ):  # the answer of a server that refuses, whose connection stays open
                        response.close()
                    raise MhoFileError(f"mnist: cannot download {url}: {error}") from None
                _checked(path, name, url)
            for name in names:
                Path(folder, f"{name}.gz").replace(cache / f"{name}.gz")
    except MhoFileError:
        raise
    except OSError as error:
        raise MhoFileError(f"mnist: cannot write to the cache {cache}: {error}") from None
