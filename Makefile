# Darsbox from a clone. Each target is one line of work; the work itself is in provisioning/.
#
#   make run ROOM=room.toml          another room than the simulated one
#   make run ROOM_PORT=8401 SERVER_PORT=8501 VAR=/tmp/darsbox
#   make bench ONLY=start.rtsp

.DEFAULT_GOAL := help
.PHONY: help run test check bench soak package clean
MAKEFLAGS += --no-print-directory
# Programs and tests are started hundreds of times here: Python shall compile each file once, not at every start.
unexport PYTHONDONTWRITEBYTECODE

FIND_PYTHON := sh provisioning/find-python.sh
PREPARE := python="$$($(FIND_PYTHON))" && "$$python" -m provisioning.prepare
BIN := .venv/bin

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' Makefile

run:  ## a server on :8500 and a room on :8400, joined; Ctrl-C stops both (ROOM=room.toml for your own devices)
	@$(PREPARE) run
	@exec $(BIN)/python -m provisioning.demo $(if $(ROOM),--room "$(ROOM)") $(if $(VAR),--var "$(VAR)") \
	    $(if $(ROOM_PORT),--room-port $(ROOM_PORT)) $(if $(SERVER_PORT),--server-port $(SERVER_PORT))

test:  ## everything: installs what the tests need, then lint, types, import rules and all tests
	@$(PREPARE) test
	@$(BIN)/python -m provisioning.checks test

check:  ## lint, types, import rules and unit tests only, in about a minute
	@$(PREPARE) check
	@$(BIN)/python -m provisioning.checks check

bench:  ## every benchmark as a JSON line (ONLY=name for one)
	@$(PREPARE) test >&2
	@$(BIN)/python -m benchmarks $(ONLY)

soak:  ## the long fault tests: 100 power cuts, 1000 cuts of the link, a whole PC emulated; figures into docs/results.md
	@$(PREPARE) soak
	@$(BIN)/python -m provisioning.checks soak

package:  ## the Debian packages of a room and a server, reproducibly, into dist/
	@$(PREPARE) check
	@$(BIN)/python -m provisioning.debs

clean:  ## removes what was built or cached; keeps recordings (./var) and the environment (.venv)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -path ./var -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
