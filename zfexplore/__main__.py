"""``python -m zfexplore``."""

from zfexplore.cli.main import main

main()
