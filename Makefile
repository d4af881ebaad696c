# One door for people and for CI. `make` alone lists what there is.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin
SOURCES := services libs tests tools $(wildcard bench)
export PYTHONUNBUFFERED = 1
# Where it is set every start of Python compiles what it imports: the tests start hundreds.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: image bench-node bench-replicas bench-scale test-node docs letters help demo schema up down status logs test test-shop test-long lint images bench pins install install-tests clean

help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## install what is missing, start everything, buy a grid, store a file in it
	@$(VENV)/python -m s4_shop demo

up: install ## start everything on this machine, or what is missing of it
	@$(VENV)/python -m s4_shop up

down: ## stop what was started; forgets databases and the emulated cloud
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m s4_shop down; else echo "nothing is installed, so nothing runs"; fi

status: ## what runs, since when, with how much memory; how what ended did
	@$(VENV)/python -m s4_shop status

logs: ## follow the logs, of one part with PART=web
	@$(VENV)/python -m s4_shop logs $(PART)

test: install-tests ## everything that CI runs
	@$(MAKE) --no-print-directory -j2 test-node test-shop

# Always two beside each other, because each waits now and then: the node's tests need no images and begin while these
# are baked. What they say is shown when they have ended.
test-node: lint
	@mkdir -p build && echo "the node's tests write to build/test-node.log"
	@.s4/node/bin/python -m pytest -q -m "not long" -n 2 --dist loadfile libs/node/tests >build/test-node.log 2>&1; \
		code=$$?; cat build/test-node.log; exit $$code

test-shop: images lint
	$(VENV)/python -m pytest -m "not long" -n 3 --dist loadfile --no-loadscope-reorder --reruns 1 -raR $(ARGS)

test-long: install-tests images ## the tests that take minutes
	.s4/node/bin/python -m pytest -q -m long libs/node/tests
	$(VENV)/python -m pytest -m long $(ARGS)

lint: ## style, types and the architecture's contracts
	$(VENV)/ruff check $(SOURCES)
	$(VENV)/ruff format --check $(SOURCES)
	$(VENV)/mypy services libs tests tools bench
	$(VENV)/mypy --config-file libs/node/pyproject.toml --python-executable .s4/node/bin/python libs/node/src libs/node/tests
	$(VENV)/lint-imports

schema: install ## write what is generated: AsyncAPI, new event schemas, maps of events and of lives, settings, metrics, alerts with their pages, dashboards
	$(VENV)/python -m s4_contracts publish libs/contracts/src/s4_contracts/published
	$(VENV)/python -m s4_contracts asyncapi docs/reference/asyncapi.json
	$(VENV)/python tools/event_map.py docs/reference/events.svg
	$(VENV)/python tools/subscription_map.py docs/reference/subscription.svg
	$(VENV)/python tools/life_map.py docs/reference/grid-life.svg docs/reference/host-life.svg
	$(VENV)/python tools/settings_reference.py docs/reference/settings.md
	$(VENV)/python tools/commands_reference.py docs/operations/commands.md
	$(VENV)/python tools/metrics_reference.py docs/reference/metrics.md
	$(VENV)/python tools/observability.py
	$(VENV)/python tools/dashboards.py

docs: install ## the documentation as pages: build/docs/index.html; a warning is an error
	@$(VENV)/sphinx-build -q -W --keep-going -b html docs build/docs && echo build/docs/index.html

letters: install ## every letter in every language on one page: build/letters/index.html
	@$(VENV)/python tools/letters_gallery.py build/letters

bench: install ## measure; tables and build/bench/*.json
	@for script in bench/bus/bench_*.py bench/shop/bench_*.py bench/billing/bench_*.py bench/grids/bench_paid_to_furl.py bench/web/bench_*.py; do echo "$$script"; $(VENV)/python $$script || exit 1; done

bench-scale: install ## measure many grids at once and very many at rest; options in ARGS="--shared 1000"
	@$(VENV)/python bench/grids/bench_scale.py $(ARGS)

bench-replicas: install ## measure a rollout under signups, and signups with 1, 2 and 4 replicas of each service
	@$(VENV)/python bench/scale/bench_rollout.py --pace 0.5
	@$(VENV)/python bench/scale/bench_scale_out.py

bench-node: install-tests ## measure the storage node in S3 beside stock Tahoe-LAFS; options in ARGS="--only small"
	@$(VENV)/python bench/node/bench_node.py $(ARGS)
	@$(if $(ARGS),,$(VENV)/python bench/node/bench_shard.py && $(VENV)/python bench/node/bench_density.py)

pins: install ## resolve again and write requirements/*.txt and constraints.txt
	@$(VENV)/python tools/pins.py .s4/uv/bin/uv

install: ## programs (apt, as root) and Python environments, if anything is missing
	@$(PYTHON) tools/bootstrap.py

images: ## bake what the emulated machines boot, once; nothing to do as long as it fits
	@for kind in $$([ "$$(id -u)" = 0 ] && echo nspawn) sshd; do \
		$(VENV)/python -m s4_devcloud image --kind $$kind --output .s4/images --node libs/node >/dev/null || exit 1; done

image: install ## build container images (docs/operations/images.md); one with SERVICE=web, options in ARGS=
	@$(VENV)/python -m s4_cli images build $(SERVICE) $(ARGS)

install-tests:
	@$(PYTHON) tools/bootstrap.py --tests

clean: down ## forget everything that was installed and stored here
	rm -rf .s4 .venv build
