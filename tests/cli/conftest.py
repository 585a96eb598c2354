from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """A ZFNet for inputs of 64 pixels with random weights, and six labelled pictures, one of them broken."""
    from zfexplore.convention import InputConvention
    from zfexplore.nets.checkpoint import Metadata, save_checkpoint
    from zfexplore.nets.zfnet import ZFNet, initialise

    folder = tmp_path_factory.mktemp("material")
    net = ZFNet(classes=3, fc=32)
    initialise(net, "xavier", seed=1)
    convention = InputConvention(size=64, resize=72, scale=1.0, mean=(0.5, 0.5, 0.5))
    metadata = Metadata("zfnet", net.arguments, ("a", "b", "c"), convention)
    save_checkpoint(folder / "net.safetensors", net, metadata)
    random = np.random.default_rng(0)
    for index in range(6):
        label = folder / "pictures" / "ab"[index % 2]
        label.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 72)).save(label / f"{index}.png")
    (folder / "pictures" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def zfexplore(material, tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder with the material's net and pictures; give code, output, remarks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(material / "cache"))

    def run(*words, source=("--images", "pictures", "--checkpoint", "net.safetensors")):
        from zfexplore.cli.main import main

        given = [str(material / word) if word in ("pictures", "net.safetensors") else word for word in source]
        monkeypatch.setattr("sys.argv", ["zfexplore", *words, *given])
        code = 0
        try:
            main()
        except SystemExit as leave:
            code = int(leave.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run
