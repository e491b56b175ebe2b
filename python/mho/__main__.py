"""``python -m mho``: the command line."""

import sys

from mho.cli import main

sys.exit(main())
