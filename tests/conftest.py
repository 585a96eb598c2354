"""One thread for torch: over nets as small as the tests', several only wait for each other."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, also by programs that tests start
