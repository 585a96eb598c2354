"""What all tests and the programs that they start find in the environment."""

from __future__ import annotations

import gc
import os

# Over nets as small as the tests', several threads of torch only wait for each other. Read at its import.
os.environ["OMP_NUM_THREADS"] = "1"
# glibc gives large blocks back at once; to take them anew, page by page, was a twelfth of the maths' time.
# Read when a process starts: it is for xdist's workers, and for the programs that tests start.
KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": 2**30, "MALLOC_TRIM_THRESHOLD_": 2**30, "MALLOC_TOP_PAD_": 2**24}
for name, value in KEEPS_MEMORY.items():
    os.environ.setdefault(name, str(value))
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
