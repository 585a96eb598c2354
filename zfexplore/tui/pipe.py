"""Records through a pipe: the length of each, then the record as a pickle.

Both ends are the same program, so what arrives is what the other process was told to send.
"""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any

PROTOCOL = 5
LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], record: object) -> None:
    """Write a record; raises OSError where nobody reads any more."""
    data = pickle.dumps(record, PROTOCOL)
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Wait for the next record and give it; raises EOFError at the end, also where it comes too soon."""
    return pickle.loads(_read(stream, *LENGTH.unpack(_read(stream, LENGTH.size))))


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
