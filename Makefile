.DEFAULT_GOAL := help
.PHONY: help demo twice serve test contract check synth e2e bench format lock docs clean

PYTHON := .venv/bin/python

help:  ## what there is to make
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

demo: local  ## play a whole campaign, from making it to returning its money, into demo-out/
	@.venv/bin/huimin demo

twice: local  ## play the demonstration twice: the files must be the same bytes
	@.venv/bin/huimin demo --out build/demo-1
	@.venv/bin/huimin demo --out build/demo-2
	@diff -r build/demo-1 build/demo-2 && echo "twice: the same bytes"

serve: local  ## the same stack stays up, seeded, with the API page
	@.venv/bin/huimin serve

test: dev  ## every test but those on an emulator
	$(PYTHON) -m pytest -m "not e2e and not contract" -n 2 --dist loadfile

contract: dev emulator  ## claims from many threads at once, on a DynamoDB engine with true transactions
	$(PYTHON) -m pytest -m contract tests/contract

check: dev  ## what CI runs: format, lint, types, tests, contract, synth, end to end
	.venv/bin/ruff format --check .
	.venv/bin/ruff check --quiet --output-format concise .
	$(PYTHON) -m mypy
	$(MAKE) --no-print-directory test contract twice synth e2e

synth: dev  ## the CDK template, with the bundle that ships, into cdk.out/
	$(PYTHON) -m infra.synth

e2e: dev emulator  ## deploy the template on an AWS emulator and play a small campaign over HTTP
	$(PYTHON) -m pytest -m e2e tests/e2e

bench: dev emulator  ## simulated drops beside baselines, and what the code costs here, into build/bench.json
	$(PYTHON) -m tests.benchmarks --picture docs/performance.svg

format: dev  ## put the code into the house format
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix --quiet .

docs: dev  ## write docs/openapi.json and docs/errors.md anew from the code
	$(PYTHON) -m infra.openapi
	$(PYTHON) -m infra.docs

lock: dev  ## write the lock files anew
	PATH="$(CURDIR)/.venv/bin:$$PATH" scripts/lock.sh

clean:  ## remove everything that was made
	rm -rf .venv .venv-emulator build cdk.out demo-out serve-out

.PHONY: local dev emulator
local dev emulator:
	@scripts/setup.sh $@
