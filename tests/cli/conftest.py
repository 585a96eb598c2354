from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """A ZFNet for inputs of 64 pixels with random weights, and six labelled pictures and a broken one."""
    from tests.support import write_pictures, write_zfnet

    folder = tmp_path_factory.mktemp("material")
    write_zfnet(folder / "net.safetensors")
    write_pictures(folder / "pictures", broken=True)
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


@pytest.fixture
def type_command(monkeypatch, capsys):
    """Type a command: its exit code, and what it wrote to stdout and stderr."""

    def run(*words):
        from zfexplore.cli.main import main

        monkeypatch.setattr("sys.argv", ["zfexplore", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return left.value.code, written.out, written.err

    return run
