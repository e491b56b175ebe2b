"""Seeds: validation, children, and the streams they name."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.seeds import Seed


@pytest.mark.parametrize("value", [-1, 2**64, 1.0, True, "7"])
def test_bad_value(value: Any) -> None:
    with pytest.raises(MhoError, match=r"^Seed\.value must be .*>= 0 and < 18446744073709551616, got "):
        Seed(value)


@pytest.mark.parametrize("path", ["/a", "a/", "a//b", "/"])
def test_bad_path(path: str) -> None:
    with pytest.raises(MhoValueError, match=r"^Seed\.path must be names joined by single slashes, got "):
        Seed(7, path)
    with pytest.raises(MhoValueError, match=r"^name must be names joined by single slashes, got "):
        Seed(7).child(path)


def test_path_of_another_type() -> None:
    with pytest.raises(MhoTypeError, match=r"^Seed\.path must be a str, got None"):
        Seed(7, None)  # type: ignore[arg-type]
    with pytest.raises(MhoTypeError, match=r"^name must be a str, got 0 \(int\)$"):
        Seed(7).child(0)  # type: ignore[arg-type]
    with pytest.raises(MhoValueError, match=r"^name must be"):
        Seed(7).child("")


def test_value_from_the_system_is_drawn_once() -> None:
    seed = Seed()
    assert 0 <= seed.value < 2**64
    assert seed.key == seed.key
    assert seed.child("a").value == seed.value
    assert len({Seed().value for _ in range(20)}) == 20


def test_equality_hash_and_immutability() -> None:
    assert Seed(np.uint64(2**64 - 1)) == Seed(2**64 - 1)
    assert Seed(7).child("net").child("0") == Seed(7, "net/0")
    assert hash(Seed(7, "a")) == hash(Seed(7).child("a"))
    assert Seed(7) != Seed(7, "a")
    assert eval(repr(Seed(7, "net/0"))) == Seed(7, "net/0")
    with pytest.raises(AttributeError):
        Seed(7).value = 8  # type: ignore[misc]


def test_same_seed_same_words_and_others_differ() -> None:
    words = Seed(7, "a").words(1000)
    assert words.dtype == np.uint32
    assert np.array_equal(words, Seed(7).child("a").words(1000))
    assert np.array_equal(words[:10], Seed(7, "a").words(10))
    for other in (Seed(8, "a").words(1000), Seed(7, "b").words(1000), Seed(7, "a").words(1000, step=1)):
        assert np.count_nonzero(words == other) <= 1
    assert Seed(7).words(0).shape == (0,)


def test_uniform() -> None:
    seed = Seed(7, "weights")
    drawn = seed.uniform((200, 500), -0.5, 1.5)
    assert drawn.shape == (200, 500)
    assert drawn.dtype == np.float32
    assert drawn.flags.c_contiguous
    assert drawn.min() > -0.5
    assert drawn.max() < 1.5
    assert np.array_equal(drawn.ravel()[:7], seed.uniform(7, -0.5, 1.5))
    assert stats.kstest(drawn.ravel(), stats.uniform(-0.5, 2).cdf).pvalue > 1e-3
    assert not np.array_equal(seed.uniform(7), seed.uniform(7, step=1))
    assert (seed.uniform((2, 3), 1, 1) == 1).all()


def test_permutation() -> None:
    seed = Seed(7, "shuffle")
    order = seed.permutation(1000)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(1000))
    assert np.array_equal(order, seed.permutation(1000))
    assert not np.array_equal(order, seed.permutation(1000, step=1))
    assert seed.permutation(0).shape == (0,)
    # Each of the 24 orders of four is equally likely.
    counts = np.zeros(256)
    for step in range(6000):
        counts[int(seed.permutation(4, step=step) @ [64, 16, 4, 1])] += 1
    assert np.count_nonzero(counts) == 24
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-3


MASK = 2**32 - 1


def philox(counter: list[int], key: int) -> list[int]:
    """Philox4x32-10 (Salmon et al., SC'11), written out once more."""
    a, b, c, d = counter
    low, high = key & MASK, key >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ low, q & MASK, (p >> 32) ^ d ^ high, p & MASK
        low, high = (low + 0x9E3779B9) & MASK, (high + 0xBB67AE85) & MASK
    return [a, b, c, d]


def key_of(seed: int, path: str) -> int:
    """Absorb the path eight bytes at a time, then its length."""
    name = path.encode()
    chunks = [(int.from_bytes(name[i : i + 8], "little"), i // 8) for i in range(0, len(name), 8)]
    for chunk, place in [*chunks, (len(name), 2**64 - 1)]:
        words = philox([chunk & MASK, chunk >> 32, place & MASK, place >> 32], seed)
        seed = words[0] | words[1] << 32
    return seed


def words_of(seed: int, path: str, step: int, count: int) -> NDArray[np.uint32]:
    """Word 64 b + 16 k + i is word k of element 16 b + i; the purpose is 0x7F00."""
    key = key_of(seed, path)
    last = step >> 32 | 0x7F00 << 16
    drawn = [philox([0, element, step & MASK, last], key) for element in range(16 * (-(-count // 64)))]
    return np.array(drawn, dtype=np.uint32).reshape(-1, 16, 4).transpose(0, 2, 1).ravel()[:count]


def test_the_generator_written_once_more() -> None:
    # Known answers of the authors' own implementation.
    assert philox([0] * 4, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([MASK] * 4, 2**64 - 1) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize("path", ["", "a", "net/0/tile1", "a longer path/of more than/eight bytes"])
@pytest.mark.parametrize("step", [0, 3, 2**48 - 1])
def test_streams_are_what_they_are_defined_as(path: str, step: int) -> None:
    # Saved runs shuffle and start with these numbers: a change breaks resuming and repeating them.
    seed = Seed(2**64 - 3, path)
    words = words_of(seed.value, path, step, 402)
    assert seed.key == key_of(seed.value, path)
    assert np.array_equal(seed.words(402, step), words)
    pairs = words.astype(np.uint64).reshape(-1, 2)
    assert np.array_equal(seed.permutation(201, step), np.argsort(pairs[:, 0] + pairs[:, 1] * 2**32))
    unit = (np.floor(words / 256) + 0.5) / 2**24
    assert np.array_equal(seed.uniform(402, -1, 2, step=step), (3 * unit - 1).astype(np.float32))


@pytest.mark.parametrize("call", ["words", "permutation", "uniform"])
def test_bad_sizes_and_steps(call: str) -> None:
    method = getattr(Seed(7), call)
    for size in (-1, 1.5, True):
        with pytest.raises(MhoError, match=r"^(n|shape) must be .*>= 0"):
            method(size)
    for step in (-1, 2**48, 0.5):
        with pytest.raises(MhoError, match=r"^step must be .*>= 0 and < 281474976710656, got "):
            method(3, step=step)


def test_bad_limits() -> None:
    with pytest.raises(MhoValueError, match=r"^high must be >= 1, got 0"):
        Seed(7).uniform(3, 1, 0)
