"""Lets ``python -m mho.cli`` do what the command ``mho`` does."""

from __future__ import annotations

import sys

from mho.cli import main

sys.exit(main())
