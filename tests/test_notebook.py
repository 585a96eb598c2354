"""A real notebook, executed: what is the last line of a cell shows itself as a picture or a table."""

from __future__ import annotations

import base64
import io
import os

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

CELLS = (
    "import zfexplore\nexplorer = zfexplore.Explorer(images='specimens', limit=2)\n"
    "channel = explorer.top('conv2')[0]['channel']",
    "explorer.channel(channel)",
    "explorer.channel(channel)[0]",
    "explorer.figure('conv1', '0-1', tile=24)",
    "explorer.project(0, channel)",
    "explorer.top('conv2', count=3)",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of each cell."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    environment = {
        **os.environ, "ZFEXPLORE_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute(env=environment, cwd=str(folder))
    return [cell.outputs for cell in notebook.cells]


def shown(outputs, kind):
    """What a cell's result is as ``kind``."""
    (result,) = (output for output in outputs if output.output_type == "execute_result")
    return result.data[kind]


def test_opening_tells_its_progress_in_plain_lines(outputs):
    streams = "".join(output.text for output in outputs[0] if output.output_type == "stream")
    assert "2 of 2" in streams
    assert "\x1b" not in streams


@pytest.mark.parametrize("cell", [1, 2, 3, 4])
def test_channels_exemplars_figures_and_projections_show_themselves(outputs, cell):
    data = base64.b64decode(shown(outputs[cell], "image/png"))
    with Image.open(io.BytesIO(data)) as image:
        assert min(image.size) > 100
        assert len(image.convert("L").getcolors()) > 10
    assert len(shown(outputs[cell], "text/plain")) < 120


def test_records_show_themselves_as_a_table(outputs):
    assert shown(outputs[5], "text/html").count("<tr>") == 4
