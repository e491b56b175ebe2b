"""Puts the measurements and their helpers, which the tests of this folder share, on the import path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
