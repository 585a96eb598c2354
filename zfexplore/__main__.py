"""``python -m zfexplore``, and the command ``zfexplore``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 and no traceback, while it is being imported too."""
    try:
        from zfexplore.cli.interrupts import interrupt_safely

        interrupt_safely()
        from zfexplore.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
