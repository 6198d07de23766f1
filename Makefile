# `make` sets everything up: system libraries, .venv/ and in it Foresight with its pinned dependencies.
#   make run | test | lint | bench | demo | clean        make PYTHON=/usr/bin/python3.12 chooses the interpreter

.DEFAULT_GOAL := setup
.PHONY: setup system run test lint bench demo clean

# The first of these that is Python 3.11 to 3.13 and can make virtual environments.
PYTHON ?= $(shell for candidate in python3 python3.12 python3.13 python3.11; do \
  $$candidate -c $(usable) 2>/dev/null && echo $$candidate && break; done)
usable = 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

# Names in Debian 12; where a newer system renamed one, its successor says so in "Provides".
qt_libraries := libglib2.0-0 libgl1 libegl1 libopengl0 libgl1-mesa-dri libxkbcommon0 libfreetype6 libfontconfig1 \
  libdbus-1-3 libgssapi-krb5-2 fonts-dejavu-core
# Draws where EGL cannot. Mesa 25.1 dropped it: a system that has Mesa without it goes on with EGL alone.
rendering_libraries := $(shell apt-cache show libgl1 >/dev/null 2>&1 && ! apt-cache show libosmesa6 >/dev/null 2>&1 \
  || echo libosmesa6)
screen_libraries := libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 xvfb xauth
libraries := $(qt_libraries) $(rendering_libraries) $(screen_libraries)

debian := $(shell command -v dpkg-query 2>/dev/null)
ifneq ($(debian),)
installed := $(shell dpkg-query --show --showformat '$${db:Status-Status} $${Package} $${Provides}\n' \
  | grep '^installed ' | tr , ' ')
missing := $(filter-out $(installed),$(libraries))
endif

ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),setup)),)
ifneq ($(and $(missing),$(filter-out 0,$(shell id -u))),)
$(info Some system libraries are missing. Install them with this line, then run make again:)
$(info sudo apt-get install -y --no-install-recommends $(missing))
MAKEFLAGS += --question  # runs no recipe and ends with exit code 1, where an error would end with 2
endif
endif

setup: system .venv/.ready

system:
ifneq ($(missing),)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(missing)
endif

# .unfinished marks an environment whose installation was interrupted: it is made anew. Renamed at the end, it keeps
# the time at which the installation began, so that a change made meanwhile counts as newer.
.venv/.ready: pyproject.toml constraints.txt | system
ifeq ($(debian),)
	@echo "No Debian or Ubuntu here: please see to it that this system's counterparts of these are installed:"
	@echo "$(libraries)"
endif
	@$(or $(PYTHON),false) -c $(usable) || { echo "Foresight needs Python 3.11, 3.12 or 3.13 with its venv module." \
	  "Install one (Debian, Ubuntu: apt-get install python3-venv) or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test ! -e .venv/.unfinished && .venv/bin/python -m pip --version >/dev/null 2>&1 || rm -rf .venv/bin .venv
	@mkdir -p .venv && touch .venv/.unfinished
	test -e .venv/bin/python || $(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt .venv/bin/python -m pip install -e '.[dev]'
	@mv .venv/.unfinished .venv/.ready
	@echo "Foresight is ready. Start it with: make run"

run: setup
	.venv/bin/foresight $(if $(wildcard ui/__main__.py),gui,train --preset alm-quick)

pytest = OMP_NUM_THREADS=1 .venv/bin/python -X faulthandler -m pytest

test: setup
	QT_QPA_PLATFORM=offscreen $(pytest) -n auto --maxprocesses 4 -m 'not screen'
	if grep -rqs 'pytest\.mark\.screen' tests; then \
	  FORESIGHT_SCREEN=1 QT_QPA_PLATFORM=xcb xvfb-run -a -s '-screen 0 1600x1000x24' env $(pytest) -m screen; fi

lint: setup
	.venv/bin/ruff check .
	.venv/bin/mypy $(wildcard storage workbench ui)
	.venv/bin/lint-imports --no-logo

bench: setup
	.venv/bin/foresight bench update

# Trains the runs of assets/demo anew; takes minutes.
demo: setup
	.venv/bin/python -m workbench.demo

clean:
	rm -rf .venv dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
