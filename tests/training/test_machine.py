from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.training.machine import choose_machine


def test_what_is_asked_for_is_chosen():
    machine = choose_machine("cpu", amp=True, compiled=True, workers=3)
    assert (machine.device, machine.amp, machine.compiled, machine.workers) == (
        torch.device("cpu"),
        True,
        True,
        3,
    )
    assert not machine.cuda


def test_autocast_follows_amp():
    product = torch.ones(2, 2)
    for amp, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        with choose_machine("cpu", amp=amp).autocast():
            assert (product @ product).dtype == dtype


def test_a_negative_number_of_workers_is_a_usage_error():
    with pytest.raises(ExploreError, match="workers must be at least 0, not -1"):
        choose_machine("cpu", workers=-1)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives freed memory back at once")
def test_freed_memory_is_kept_for_the_next_map():
    # A step can land elsewhere in the heap and touch new pages once, so most of the steps decide.
    count = """
import os, resource, statistics, torch
from zfexplore.training.machine import keep_freed_memory
if child := os.fork():  # each is a process of its own; torch is imported once
    assert os.waitpid(child, 0)[1] == 0
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
counted = []
for step in range(16):
    before = faults()
    torch.zeros(2**24)  # 64 MiB
    counted.append(faults() - before)
print(statistics.median_low(counted[4:]), flush=True)
"""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", count], stdout=subprocess.PIPE, env=own, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert given_back > 10 * max(kept, 1)
