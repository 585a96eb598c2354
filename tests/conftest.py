"""What all tests and the programs that they start find in the environment."""

from __future__ import annotations

import os

# Over nets as small as the tests', several threads of torch only wait for each other. Read at its import.
os.environ["OMP_NUM_THREADS"] = "1"
for size in ("COLUMNS", "LINES"):  # some runners set them; a pseudo-terminal has a size of its own
    os.environ.pop(size, None)
