# make demo   sets everything up, then checks, draws, trains and evaluates a model on the embedded digits
# make test   sets everything up, then runs the whole suite
# make check  formatting, types and the import contract
# make sbom   the packages that are needed, with versions and licences, as sbom.json

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo

.PHONY: demo test check sbom clean

demo: $(VENV)/.ready
	$(BIN)/graphwright check digits
	mkdir -p $(RUN)
	$(BIN)/graphwright graph digits -o $(RUN)/digits.svg
	$(BIN)/graphwright train digits --data digits -o $(RUN)/run --resume
	$(BIN)/graphwright evaluate $(RUN)/run
	@echo "the drawing: $(RUN)/digits.svg"
	@echo "the run:     $(RUN)/run (spec, weights, metrics.jsonl, curves.png, confusion.png)"

test: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

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
