"""What all tests and the programs that they start find in the environment."""

from __future__ import annotations

import gc
import os

# Over nets as small as the tests', several threads of torch only wait for each other. Read at its import.
os.environ["OMP_NUM_THREADS"] = "1"
for size in ("COLUMNS", "LINES"):  # some runners set them; a pseudo-terminal has a size of its own
    os.environ.pop(size, None)

if not os.path.exists("/dev/nvidiactl"):  # Triton's kernels then run in its interpreter; read at its import
    os.environ["TRITON_INTERPRET"] = "1"

gc.disable()  # imports make many objects and hardly any garbage


def pytest_collection_finish():
    """Collect garbage seldom, and never look through what was imported: a fifth of an app's test was that."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
