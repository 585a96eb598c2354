# `make demo` and `make test` need nothing but python3 (3.11 or newer) with pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test faults bench bench-cuda setup clean

demo: setup
	$(BIN)/zfexplore index
	for stage in conv1 conv2 conv3 conv4 conv5 pool5; do \
		$(BIN)/zfexplore export grid --layer $$stage --out out/$$stage.png || exit 1; \
	done
	$(BIN)/zfexplore export figure --out out/figure.png
	$(BIN)/zfexplore top conv5
	if [ -t 0 ] && [ -t 1 ]; then $(BIN)/zfexplore tui; fi

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m compileall -q zfexplore  # once, not in each of the processes that tests start
	$(BIN)/python -m pytest -n 3 --dist loadfile

faults: setup
	$(BIN)/python -m tests.faults.kills
	$(BIN)/python -m tests.faults.believed --cases 1000

bench: setup
	$(BIN)/python -m benchmarks

bench-cuda: setup
	$(BIN)/python -m benchmarks --device cuda

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV). On Linux the package index has torch as a CUDA build: about 3.0 GB to"
	@echo "download, 5.9 GB on disk. To take the CPU build (about 0.2 GB) instead, stop now and run"
	@echo "    $(PYTHON) -m venv $(VENV)"
	@echo "then the command that pytorch.org gives for pip and CPU, with $(BIN)/python -m pip in place of"
	@echo "pip3 and torch==2.14.1 torchvision==0.29.2 as the packages; then this command again."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, as in: make PYTHON=python3.12 test"; exit 1; }
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) out
