"""mho.data: the Dataset, the embedded digits, and data sets by name."""

from __future__ import annotations

import dataclasses
import hashlib
import lzma
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mho import data
from mho.data import Dataset, embedded
from mho.errors import MhoError, MhoFileError, MhoTypeError, MhoValueError

# of the file in the repository; README.md next to it states both
DIGITS_SHA256 = "eecb7b59321c04c5e5503665cf2e0d1559721412c191718a31b0a13c2256784e"
UNPACKED_SHA256 = "de85cccac0d5c197575bf4182c9fd946c926daedf7c57d5d12548194d054a121"

X = [[0.0, 1.0], [0.5, 0.25], [0.125, 0.0]]
Y = [2, 0, 1]


@pytest.fixture
def toy() -> Dataset:
    return Dataset(np.arange(30).reshape(10, 3), np.arange(10) % 4, name="toy", classes=5)


# -------------------------------------------------------------------------------- Dataset


def test_dataset_normalises_its_arrays() -> None:
    x = np.asfortranarray(np.array(X))
    toy = Dataset(x, Y)
    assert toy.x.dtype == np.float32
    assert toy.y.dtype == np.int64
    assert toy.x.flags.c_contiguous
    assert not toy.x.flags.writeable
    assert not toy.y.flags.writeable
    assert (len(toy), toy.features, toy.classes, toy.name) == (3, 2, 3, "dataset")
    np.testing.assert_array_equal(toy.x, X)
    assert repr(toy) == "Dataset('dataset', n=3, features=2, classes=3)"


def test_dataset_does_not_alias_writable_arrays() -> None:
    x, y = np.array(X, np.float32), np.array(Y)
    toy = Dataset(x, y)
    x[:], y[:] = 9, 0
    np.testing.assert_array_equal(toy.x, X)
    np.testing.assert_array_equal(toy.y, Y)
    assert x.flags.writeable
    assert y.flags.writeable


def test_dataset_takes_read_only_arrays_without_a_copy() -> None:
    x, y = np.array(X, np.float32), np.array(Y)
    x.flags.writeable = y.flags.writeable = False
    toy = Dataset(x, y)
    assert toy.x is x
    assert toy.y is y


def test_dataset_is_frozen(toy: Dataset) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        toy.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        toy.x[0, 0] = 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float64, ">f4"])
def test_dataset_accepts_real_dtypes(dtype: Any) -> None:
    x = np.array([[0, 1], [2, 3]], dtype)
    np.testing.assert_array_equal(Dataset(x, [0, 1]).x, np.array([[0, 1], [2, 3]], np.float32), strict=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint64, ">i8"])
def test_dataset_accepts_integer_labels(dtype: Any) -> None:
    np.testing.assert_array_equal(Dataset(X, np.array(Y, dtype)).y, np.array(Y, np.int64), strict=True)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": [0.0, 1.0, 2.0]}, MhoValueError, r"Dataset\.x must have shape \(n, features\) .*, got \(3,\)"),
        ({"x": np.zeros((3, 2, 2))}, MhoValueError, r"Dataset\.x must have shape .*, got \(3, 2, 2\)"),
        ({"x": np.zeros((0, 2)), "y": []}, MhoValueError, r"n >= 1.*got \(0, 2\)"),
        ({"x": np.zeros((3, 0))}, MhoValueError, r"features >= 1, got \(3, 0\)"),
        ({"x": 1.0}, MhoValueError, r"got \(\)"),
        (
            {"x": [[0.0, 1.0], [0.0], [0.0, 1.0]]},
            MhoValueError,
            r"Dataset\.x must be an array of real numbers",
        ),
        (
            {"x": [[0.0, 1.0], [0.0, np.nan], [0.0, 0.0]]},
            MhoValueError,
            r"finite in float32, got nan at \[1, 1\]",
        ),
        ({"x": [[0.0, 1.0], [0.0, 0.0], [-np.inf, 0.0]]}, MhoValueError, r"finite.*got -inf at \[2, 0\]"),
        ({"x": [[0.0, 1e39], [0.0, 0.0], [0.0, 0.0]]}, MhoValueError, r"finite.*got 1e\+39 at \[0, 1\]"),
        (
            {"x": np.zeros((3, 2), complex)},
            MhoTypeError,
            r"Dataset\.x must hold real numbers, got dtype complex128",
        ),
        ({"x": np.zeros((3, 2), bool)}, MhoTypeError, r"Dataset\.x must hold real numbers, got dtype bool"),
        ({"x": [["a", "b"]] * 3}, MhoTypeError, r"Dataset\.x must hold real numbers, got dtype <U1"),
        ({"x": None}, MhoTypeError, r"Dataset\.x must hold real numbers, got dtype object"),
        ({"y": [0, 1]}, MhoValueError, r"Dataset\.y must have shape \(n,\) = \(3,\).*got \(2,\)"),
        ({"y": [[0], [1], [2]]}, MhoValueError, r"Dataset\.y must have shape .*got \(3, 1\)"),
        ({"y": [0.0, 1.0, 2.0]}, MhoTypeError, r"Dataset\.y must hold integers, got dtype float64"),
        ({"y": [True, False, True]}, MhoTypeError, r"Dataset\.y must hold integers, got dtype bool"),
        ({"y": [0, -1, 1]}, MhoValueError, r"Dataset\.y must lie in 0 \.\. .*, got -1 at \[1\]"),
        ({"classes": 2}, MhoValueError, r"Dataset\.y must lie in 0 \.\. classes - 1 = 1, got 2 at \[0\]"),
        ({"y": np.array([0, 1, 2**63], np.uint64)}, MhoValueError, r"got 9223372036854775808 at \[2\]"),
        ({"classes": -1}, MhoValueError, r"Dataset\.classes must be >= 0, got -1"),
        ({"classes": 3.0}, MhoTypeError, r"Dataset\.classes must be an integer"),
        ({"classes": True}, MhoTypeError, r"Dataset\.classes must be an integer"),
        ({"name": ""}, MhoValueError, r"Dataset\.name must not be empty"),
        ({"name": 3}, MhoTypeError, r"Dataset\.name must be a str, got int"),
    ],
)
def test_dataset_refuses(changes: dict[str, Any], error: type[MhoError], message: str) -> None:
    with pytest.raises(error, match=message):
        Dataset(**{"x": X, "y": Y, **changes})


def test_subset_is_the_beginning_without_a_copy(toy: Dataset) -> None:
    part = toy.subset(4)
    assert len(part) == 4
    np.testing.assert_array_equal(part.x, toy.x[:4])
    np.testing.assert_array_equal(part.y, toy.y[:4])
    assert np.shares_memory(part.x, toy.x)
    assert (part.name, part.classes) == ("toy", 5)
    assert not part.x.flags.writeable
    assert len(toy.subset(10)) == 10


@pytest.mark.parametrize(
    ("n", "error"),
    [(0, MhoValueError), (-1, MhoValueError), (11, MhoValueError), (2.0, MhoTypeError), (True, MhoTypeError)],
)
def test_subset_refuses(toy: Dataset, n: Any, error: type[MhoError]) -> None:
    with pytest.raises(error, match=r"Dataset\.subset: n must be"):
        toy.subset(n)


def test_take_keeps_the_order(toy: Dataset) -> None:
    part = toy.take([7, 0, 7])
    np.testing.assert_array_equal(part.x, toy.x[[7, 0, 7]])
    np.testing.assert_array_equal(part.y, toy.y[[7, 0, 7]])
    assert (part.name, part.classes) == ("toy", 5)
    assert part.x.flags.c_contiguous
    assert not part.x.flags.writeable


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([], MhoValueError, r"m >= 1, got \(0,\)"),
        ([[0]], MhoValueError, r"got \(1, 1\)"),
        (3, MhoValueError, r"got \(\)"),
        ([0, 10], MhoValueError, r"must lie in 0 \.\. 9, got 10 at \[1\]"),
        ([-1], MhoValueError, r"must lie in 0 \.\. 9, got -1 at \[0\]"),
        ([1.0], MhoTypeError, r"must hold integers, got dtype float64"),
        ([True] * 10, MhoTypeError, r"must hold integers, got dtype bool"),
    ],
)
def test_take_refuses(toy: Dataset, indices: Any, error: type[MhoError], message: str) -> None:
    with pytest.raises(error, match=rf"Dataset\.take: indices {message}|indices must have shape .*{message}"):
        toy.take(indices)


def test_batches_cover_every_sample_once(toy: Dataset) -> None:
    parts = list(toy.batches(4))
    assert [len(y) for _, y in parts] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), toy.x)
    np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), toy.y)


def test_batches_follow_an_order(toy: Dataset) -> None:
    order = np.array([9, 3, 3, 0, 5])
    parts = list(toy.batches(2, order))
    assert [len(y) for _, y in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), toy.x[order])
    np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), toy.y[order])


def test_batches_refuse_when_called(toy: Dataset) -> None:
    with pytest.raises(MhoValueError, match=r"Dataset\.batches: batch_size must be >= 1, got 0"):
        toy.batches(0)
    with pytest.raises(MhoValueError, match=r"Dataset\.batches: order must lie in 0 \.\. 9, got 10"):
        toy.batches(2, [10])


# -------------------------------------------------------------------------------- digits


def test_digits() -> None:
    train, test = data.digits()
    for part, n, name in ((train, 8000, "digits/train"), (test, 2000, "digits/test")):
        assert part.x.shape == (n, 784)
        assert (part.classes, part.name) == (10, name)
        # any beginning that is a multiple of ten is balanced
        np.testing.assert_array_equal(part.y, np.arange(n) % 10)
        assert part.x.min() == 0
        assert part.x.max() == 1
        # grey levels, exactly
        np.testing.assert_array_equal(np.rint(part.x * 255).astype(np.float32) / np.float32(255), part.x)
        assert len(np.unique(part.x, axis=0)) == n


def test_digits_are_what_their_labels_say() -> None:
    """Nearest class mean gets about 82 % of MNIST right: the labels belong to the images."""
    train, test = data.digits()
    means = np.stack([train.x[train.y == label].mean(axis=0) for label in range(10)])
    distances = (means**2).sum(axis=1) - 2 * test.x @ means.T
    assert 0.77 < np.mean(distances.argmin(axis=1) == test.y) < 0.87


def test_digits_file_is_the_documented_one() -> None:
    packed = embedded.DIGITS_FILE.read_bytes()
    assert len(packed) < 2_500_000
    assert hashlib.sha256(packed).hexdigest() == DIGITS_SHA256
    assert hashlib.sha256(lzma.decompress(packed)).hexdigest() == UNPACKED_SHA256
    readme = embedded.DIGITS_FILE.with_name("README.md").read_text(encoding="utf-8")
    assert DIGITS_SHA256 in readme
    assert UNPACKED_SHA256 in readme
    assert "CC BY-SA 3.0" in readme


def test_digits_load_fast() -> None:
    def seconds() -> float:
        start = time.process_time()
        data.digits()
        return time.process_time() - start

    # 0.15 s on a laptop core; the limit leaves room for slow machines, not for another algorithm
    assert min(seconds() for _ in range(3)) < 0.6


def test_damaged_digits_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bytearray(embedded.DIGITS_FILE.read_bytes())
    path = tmp_path / "digits.idx.xz"
    monkeypatch.setattr(embedded, "DIGITS_FILE", path)
    with pytest.raises(MhoFileError, match=r"digits\.idx\.xz: no such file"):
        data.digits()
    path.write_bytes(packed[:100_000])
    with pytest.raises(MhoFileError, match=r"digits\.idx\.xz: expected the digits that come with mho"):
        data.digits()
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(MhoFileError, match=r"digits\.idx\.xz: expected the digits that come with mho"):
        data.digits()
    packed[700_000] ^= 1
    path.write_bytes(packed)
    with pytest.raises(MhoFileError, match=r"digits\.idx\.xz: expected the digits that come with mho"):
        data.digits()
    path.write_bytes(lzma.compress(bytes([0, 0, 8, 4, *[0, 0, 0, 1] * 4, 7])))
    with pytest.raises(MhoFileError, match=r"expected shape \(10, 1000, 28, 28\), found \(1, 1, 1, 1\)"):
        data.digits()


# -------------------------------------------------------------------------------- by name


def test_load_digits() -> None:
    train, test = data.load("digits")
    assert (train.name, test.name) == ("digits/train", "digits/test")
    assert data.load()[0].name == "digits/train"
    assert data.names() == ["digits", "mnist"]


def test_load_passes_the_folder_on(tmp_path: Path) -> None:
    with pytest.raises(MhoFileError, match=r"mnist: data_dir = .* lacks train-images-idx3-ubyte"):
        data.load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"), [("mnits", "did you mean mnist"), ("Digits", "did you mean digits"), ("", "got ''")]
)
def test_load_unknown(name: str, message: str) -> None:
    with pytest.raises(MhoValueError, match=f"must be one of 'digits', 'mnist', got '{name}'") as caught:
        data.load(name)
    assert message in str(caught.value)


def test_load_refuses() -> None:
    with pytest.raises(MhoTypeError, match="data set must be"):
        data.load(None)  # type: ignore[arg-type]
    with pytest.raises(MhoValueError, match="data_dir has no effect on 'digits'"):
        data.load("digits", "somewhere")


def test_import_is_light() -> None:
    code = "import sys, mho.data; sys.exit(any(m in sys.modules for m in ('pooch', 'requests', 'urllib3')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
