from __future__ import annotations

import pytest

from tests.support import tiny_checkpoint


@pytest.fixture
def tiny():
    return tiny_checkpoint()
