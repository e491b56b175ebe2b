"""Makes the package `reference`, a second and slow implementation of the engine, importable by every test."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
