# make setup   .venv with diptych and everything that its tests need
# make demo    train, measure, search, explain and make a collection of the default data set; DATA=pascal-sentence takes another
# make test    formatting, lint, types and the test suite
# make test-thorough   the same with every test of a Milvus server, which takes minutes more
# make lint    the first three of these
# make docs    docs/cli.md and docs/methods/ from the program itself
# make site    the documentation as a site, in build/site
# make bench   how fast a training step, encoding, closed forms and searching are
#
# PYTHON names the interpreter to build .venv with, PIP_FLAGS adds to the installation: where no NVIDIA GPU is used,
# an --extra-index-url with CPU builds of torch saves gigabytes. TESTERS is how many processes share the tests.

PYTHON ?= python3
PIP_FLAGS ?=
DATA ?= openmoji
TESTERS ?= 2

# research data kept beside the clone
ifneq ($(wildcard ../shared/data),)
export DIPTYCH_DATA ?= $(abspath ../shared/data)
endif

# a file's tests stay together, and so do the servers that they start
SHARED := --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

BIN := .venv/bin
INSTALLED := .venv/installed
RUN := build/demo/$(notdir $(DATA))

# pictograms are simple: the small network sees as much in them, five times as fast
ENCODER_openmoji := --image-encoder efficientnet-lite0
TEXT_openmoji := a smiling cat
PAIR_openmoji := 1F63F
TEXT_pascal-sentence := two people riding horses
PAIR_pascal-sentence := 2008_008487
UNKNOWN = $(error make demo has a query for openmoji and pascal-sentence; for $(DATA) give TEXT, a sentence, and PAIR, an id)
TEXT = $(or $(TEXT_$(DATA)),$(UNKNOWN))
PAIR = $(or $(PAIR_$(DATA)),$(UNKNOWN))

.PHONY: setup demo test test-thorough lint docs site bench

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "diptych needs Python 3.11 or newer; %s is %s. Name another: make PYTHON=python3.12" % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_FLAGS) --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	rm -rf $(RUN)
	$(BIN)/diptych encode $(DATA) $(ENCODER_$(DATA))
	$(BIN)/diptych train mcsm --data $(DATA) $(ENCODER_$(DATA)) --out $(RUN)
	$(BIN)/diptych evaluate $(RUN) --data $(DATA)
	$(BIN)/diptych search $(RUN) --data $(DATA) --text "$(TEXT)" --save $(RUN)/text-search.png
	$(BIN)/diptych search $(RUN) --data $(DATA) --image "$$($(BIN)/diptych data show $(DATA) $(PAIR) --picture)" --save $(RUN)/image-search.png
	$(BIN)/diptych explain $(RUN) --image "$$($(BIN)/diptych data show $(DATA) $(PAIR) --picture)" --text "$(TEXT)" --save $(RUN)/why.html
	$(BIN)/diptych collection create $(RUN)/collection --model $(RUN)
	$(BIN)/diptych collection add $(RUN)/collection $(DATA)
	$(BIN)/diptych search $(RUN)/collection --text "$(TEXT)" -k 5
	@echo 'To search it in a browser: $(BIN)/diptych serve $(RUN)/collection --runs $(dir $(RUN))'
	@echo 'and open http://localhost:8000/'

test: lint
	@test -n "$$DIPTYCH_BROWSER" || { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || \
	  echo 'There is no Chromium: the tests of the page are skipped. Install it (apt-get install chromium), or name one in DIPTYCH_BROWSER.'
	$(BIN)/python -m pytest $(SHARED)

test-thorough: lint
	$(BIN)/python -m pytest $(SHARED) --thorough

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup
	$(BIN)/python docs/pages.py

site: setup
	$(BIN)/python docs/website.py

bench: setup
	for file in training_step encoding closed_forms searching; do $(BIN)/python bench/$$file.py || exit; done
