"""The bare matrix product of the vendored Eigen, compiled for this machine when it is needed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HERE = Path(__file__).resolve().parent
_EIGEN = _HERE.parents[1] / "third_party" / "eigen"
# Those of the engine, but for this machine.
FLAGS = (
    "-std=c++20",
    "-O3",
    "-DNDEBUG",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-DEIGEN_DONT_PARALLELIZE",
    "-DEIGEN_NO_CPUID",
    "-DEIGEN_MPL2_ONLY",
)


def bare_gemm(x: NDArray[np.float32], w: NDArray[np.float32]) -> Callable[[], NDArray[np.float32]]:
    """Return what computes x w^T anew at every call."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise FileNotFoundError(
            "the bare GEMM needs a C++ compiler: none is found; set CXX, or leave out its row"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bare_gemm.so"
        command = [compiler, *FLAGS, "-shared", "-fPIC", "-isystem", str(_EIGEN)]
        subprocess.run([*command, str(_HERE / "bare_gemm.cpp"), "-o", str(target)], check=True)
        function = ctypes.CDLL(str(target)).bare_gemm
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 3
    function.restype = None
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    y = np.empty((len(x), len(w)), np.float32)

    def product() -> NDArray[np.float32]:
        function(x.ctypes.data, w.ctypes.data, y.ctypes.data, len(x), x.shape[1], len(w))
        return y

    return product
