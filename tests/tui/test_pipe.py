"""Records through a pipe: whole, in order, and to its end."""

from __future__ import annotations

import os
import pickle
from threading import Thread

import numpy as np
import pytest

from zfexplore.tui import messages as say
from zfexplore.tui import pipe
from zfexplore.tui.drawing.bitmap import Bitmap


@pytest.fixture
def ends():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        yield reader, writer


def test_records_larger_than_the_pipe_arrive_whole_and_in_order(ends):
    reader, writer = ends
    pixels = np.random.default_rng(0).normal(size=(200, 200, 3)).astype(np.float32)
    sent = [Bitmap(pixels, (1, 2, 3, 4)), say.Cancel()]
    thread = Thread(target=lambda: [pipe.send(writer, record) for record in sent])
    thread.start()
    bitmap, cancel = pipe.receive(reader), pipe.receive(reader)
    thread.join()

    assert (bitmap.pixels == pixels).all()
    assert bitmap.box == (1, 2, 3, 4)
    assert cancel == say.Cancel()


@pytest.mark.parametrize("cut", [0, 3, 20])
def test_the_end_is_told_also_in_the_middle_of_a_record(ends, cut):
    reader, writer = ends
    data = pickle.dumps(say.Noted("half a record"))
    writer.write((pipe.LENGTH.pack(len(data)) + data)[:cut])
    writer.close()

    with pytest.raises(EOFError):
        pipe.receive(reader)


def test_where_nobody_reads_it_is_an_oserror(ends):
    reader, writer = ends
    reader.close()

    with pytest.raises(OSError):  # noqa: PT011
        pipe.send(writer, say.Stop())
    with pytest.raises(OSError):  # noqa: PT011
        writer.close()
