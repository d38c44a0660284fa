# make demo   sets everything up, then checks, draws, trains and evaluates a model on the embedded digits
# make test   sets everything up, then runs the whole suite (on Debian, root also gets a Chromium for it)
# make check  formatting, types and the import contract
# make sbom   the packages that are needed, with versions and licences, as sbom.json

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo

.PHONY: demo test browser check sbom clean

demo: $(VENV)/.ready
	$(BIN)/graphwright check digits
	mkdir -p $(RUN)
	$(BIN)/graphwright graph digits -o $(RUN)/digits.svg
	$(BIN)/graphwright train digits --data digits -o $(RUN)/run --resume
	$(BIN)/graphwright evaluate $(RUN)/run
	@echo "the drawing: $(RUN)/digits.svg"
	@echo "the run:     $(RUN)/run (spec, weights, metrics.jsonl, curves.png, confusion.png)"

test: $(VENV)/.ready-dev browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

# Debian's Chromium, where root may install it; without one the explorer's tests are skipped, and say so.
APT := timeout 600 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30
browser:
	@command -v chromium >/dev/null || test -n "$$CHROMIUM" || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
	|| { $(APT) update && DEBIAN_FRONTEND=noninteractive $(APT) install -y --no-install-recommends chromium >/dev/null; } \
	|| echo "Chromium could not be installed: the tests that need it are skipped"

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/python .ci/links.py
	cd .links && PYTHONPATH=. ../$(BIN)/lint-imports --no-cache --config ../pyproject.toml
	$(BIN)/mypy .links/graphwright

sbom: $(VENV)/.ready
	$(BIN)/python .ci/sbom.py sbom.json

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,onnx,timm]'
	touch $@ $(VENV)/.ready

clean:
	rm -rf build .links runs .pytest_cache .mypy_cache .ruff_cache
