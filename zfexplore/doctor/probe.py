"""What torch and torchvision tell, looked at in a Python of its own: a broken one may end its process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 120  # a first import from a slow disk takes long


@dataclass(frozen=True)
class Torch:
    """What torch tells; ``problem`` says why it or torchvision cannot be used, and is else empty."""

    threads: int | None = None
    devices: tuple[tuple[str, int], ...] = ()
    without_cuda: str = ""
    cpu_build: bool = False
    problem: str = ""


def ask_torch(python: str = sys.executable, seconds: float = SECONDS) -> Torch:
    """Start Python, import torch there, and give what it tells. Nothing is raised."""
    command = [python, "-P", str(Path(__file__).resolve())]  # -P: nothing is imported from beside this file
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Torch(problem=f"torch was not imported within {seconds:g} seconds")
    except OSError as error:
        return Torch(problem=f"Python could not be started to import torch ({error.strerror})")
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        devices = tuple((name, memory) for name, memory in told["devices"])
        return Torch(told["threads"], devices, told["without_cuda"], told["cpu_build"], told["problem"])
    except (ValueError, LookupError, TypeError):  # it says nothing, or something of its own
        return Torch(problem=f"torch ends Python when it is imported ({_ending(done)})")


def _ending(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    lines = done.stderr.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"exit code {done.returncode}{': ' if last else ''}{last}"


def tell() -> None:
    """Import torch and print what it tells as JSON, in the process that ``ask_torch`` starts."""
    import warnings

    warnings.simplefilter("ignore")
    told: dict[str, Any] = {
        "threads": None, "devices": [], "without_cuda": "", "cpu_build": False, "problem": "",
    }  # fmt: skip
    try:
        import torch

        told["threads"] = torch.get_num_threads()
        told["cpu_build"] = torch.version.cuda is None
        told["devices"], told["without_cuda"] = _devices(torch)
    except Exception as error:
        told["problem"] = f"torch cannot be imported ({_first_line(error)})"
    if not told["problem"]:
        try:
            import torchvision  # noqa: F401
        except Exception as error:
            told["problem"] = f"torchvision cannot be imported beside this torch ({_first_line(error)})"
    print("\n" + json.dumps(told), flush=True)


def _devices(torch: Any) -> tuple[list[tuple[str, int]], str]:
    """Give each CUDA device's name and memory, or why there is none."""
    if torch.version.cuda is None:
        return [], "this torch is a build for CPUs"
    try:
        torch.cuda.init()
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except Exception as error:
        return [], _first_line(error).split(". ")[0].rstrip(".")
    return [(each.name, int(each.total_memory)) for each in found], ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


if __name__ == "__main__":
    tell()
