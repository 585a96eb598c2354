"""Small valid files, changed as damage and malice change them: bytes, lengths, and values in JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# What stands where a size, a name or a list belongs. Some are no JSON that Python reads.
NASTY: tuple[str, ...] = (
    "null", "true", "false", "0", "-1", "1.5", "-0.0", "1e400", "-1e400", "NaN", "Infinity", "1e308",
    "1.79e308", "-1.79e308", "5e-324",
    str(2**31), str(2**53 + 1), str(2**63), str(2**64), "1" + "0" * 400, "9" * 4300, "9" * 5000,
    '""', '"x"', '"\\ud800"', '"\\udcff"', '"\\u0000"', '"\\u001b[2J"', '"\\u202e"', '"../../x"', '"NaN"',
    "[]", "{}", "[null]", "[[]]", '[1e400, 1e400]', '{"a": {"b": []}}', "[" * 60 + "]" * 60,
    "[" * 100_000 + "]" * 100_000, '{"a":' * 2000 + "1" + "}" * 2000, '["a", "a"]', "[" + "0," * 4000 + "0]",
)  # fmt: skip
DTYPES = (
    "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL",
    "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64", "X99",
)  # fmt: skip
MARK = "\N{SNOWMAN}"  # stands where a nasty text will be put


def places(values: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in plain values, the whole first."""
    found = [here]
    if isinstance(values, dict):
        for key, inner in values.items():
            found += places(inner, (*here, key))
    elif isinstance(values, list):
        for index, inner in enumerate(values[:6]):
            found += places(inner, (*here, index))
    return found


@st.composite
def json_changed(draw: st.DrawFn, text: str) -> str:
    """A JSON text with a few values replaced, removed or added."""
    values = json.loads(text)
    nasty: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        where = draw(st.sampled_from(places(values)))
        how = draw(st.sampled_from(("replace", "replace", "replace", "remove", "add", "copy")))
        values = _changed(draw, values, where, how, nasty)
    changed = json.dumps(values)
    for one in nasty:
        changed = changed.replace(json.dumps(MARK), one, 1)
    return changed


def _changed(draw: st.DrawFn, values: Any, where: tuple[Any, ...], how: str, nasty: list[str]) -> Any:
    if not where:
        nasty.append(draw(st.sampled_from(NASTY)))
        return MARK
    holder = values
    for key in where[:-1]:
        holder = holder[key]
    last = where[-1]
    if how == "remove":
        del holder[last]
    elif how == "copy":
        inner = values
        for key in draw(st.sampled_from(places(values))):
            inner = inner[key]
        holder[last] = json.loads(json.dumps(inner))
    elif how == "add" and isinstance(holder, dict):
        nasty.append(draw(st.sampled_from(NASTY)))
        holder[draw(st.sampled_from(("extra", "", "__class__", "name", "\udcff")))] = MARK
    else:
        nasty.append(draw(st.sampled_from(NASTY)))
        holder[last] = MARK
    return values


@st.composite
def bytes_changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes of which some are flipped, cut off, doubled or overwritten."""
    how = draw(st.sampled_from(("flip", "flip", "cut", "double", "zero", "grow")))
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    if how == "cut":
        return data[:at]
    if how == "double":
        return data[:at] + data[at : at + 40] + data[at:]
    if how == "zero":
        return data[:at] + bytes(min(16, len(data) - at)) + data[at + 16 :]
    if how == "grow":
        return data + draw(st.binary(max_size=40))
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        if changed:
            changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


@st.composite
def safetensors_changed(draw: st.DrawFn, data: bytes, key: str) -> bytes:
    """A safetensors file whose metadata, tensor entries or bytes are changed; ``key`` is our metadata's."""
    how = draw(
        st.sampled_from(("metadata", "metadata", "metadata", "entry", "type", "head", "values", "bytes"))
    )
    length = int.from_bytes(data[:8], "little")
    text, body = data[8 : 8 + length].decode(), data[8 + length :]
    head = json.loads(text)
    names = [name for name in head if name != "__metadata__"]
    if how == "bytes":
        return draw(bytes_changed(data))
    if how == "values":
        body = draw(bytes_changed(body))
    elif how == "head":
        text = draw(json_changed(text))
    elif how == "metadata":
        head["__metadata__"][key] = draw(json_changed(head["__metadata__"][key]))
        text = json.dumps(head)
    elif how == "type":
        head[draw(st.sampled_from(names))]["dtype"] = draw(st.sampled_from(DTYPES))
        text = json.dumps(head)
    else:
        text = draw(_entry_changed(head, names))
    coded = text.encode("utf-8", "surrogatepass")
    return len(coded).to_bytes(8, "little") + coded + body


@st.composite
def _entry_changed(draw: st.DrawFn, head: dict[str, Any], names: list[str]) -> str:
    """The head with a tensor left out, renamed, or of another shape for the same bytes."""
    name = draw(st.sampled_from(names))
    how = draw(st.sampled_from(("shape", "shape", "retype", "remove", "rename")))
    entry = head[name]
    size = 1
    for side in entry["shape"]:
        size *= side
    if how == "shape":
        shapes = (
            [size],
            [1, size],
            [size, 1],
            [*entry["shape"], 1],
            [0, 2**62],
            [2**40, 2**40],
            [size // 2, 2],
        )
        entry["shape"] = draw(st.sampled_from(shapes))
    elif how == "retype":  # of the same bytes, another type of the same width
        alike = {
            "F32": ("I32", "U32"), "F16": ("BF16", "I16", "U16"), "I64": ("F64", "U64", "C64"),
            "I32": ("F32",), "F64": ("I64", "C64"), "U8": ("I8", "BOOL", "F8_E4M3", "F8_E5M2"),
        }  # fmt: skip
        entry["dtype"] = draw(st.sampled_from(alike.get(entry["dtype"], ("BOOL",))))
    elif how == "remove":
        del head[name]
    else:
        head[draw(st.sampled_from(("x", "\u001b[2J", "a" * 3000, "net.x", "\N{SNOWMAN}")))] = head.pop(name)
    return json.dumps(head)
