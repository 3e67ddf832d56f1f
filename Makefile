# Everything a user or CI calls. `make help` lists the verbs.
SHELL := /bin/bash
SWIFT ?= swift
STRICT := --explicit-target-dependency-import-check error
BUILD := $(SWIFT) build -c release $(STRICT)
TEST := $(SWIFT) test -c release --disable-testable-imports $(STRICT)
RADIATA := .build/release/radiata
# An inherited OPENBLAS_CORETYPE can force a kernel of half the speed (docs/explanation/performance.md).
FAST := env -u OPENBLAS_CORETYPE

# So many tests at a time: a test's time begins when it does, and a few hundred of them at once hold so many descriptors
# that Foundation's `Process` reads past the end of its list.
AT_ONCE := --experimental-maximum-parallelization-width

# Tests that wait for daemons, apart from those that compute: beside these nothing else would get a thread.
WAITING := ^(CoordinatorTests|WorkerTests|SweepClientTests|RadiataCLITests)[.]

SIMULATE := .build/release/radiata-simulate
# Python with the packages of Tests/Reference/requirements.txt; without one of your own, one is made from PyPI.
RADIATA_PYTHON ?= .build/reference/bin/python

.PHONY: help setup build test reference-pages api-test api-campaign fuzz properties adapter-check reference real-size \
    trainer-check algorithms encoder-check metric-check page-check page-speed \
    terminal-check e2e machines simulate mutants faults upgrade campaign demo check \
    format dist bench clean

help: ## list the verbs
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## install the Debian packages that are missing
	@.ci/install-packages
	@.ci/write-commit

build: setup ## build the program (release)
	$(BUILD) --product radiata

test: setup ## build everything and run all tests
	$(BUILD) --build-tests
	$(FAST) $(TEST) $(AT_ONCE) 32 --filter '$(WAITING)'
	$(FAST) $(TEST) $(AT_ONCE) 32 --skip 'EndToEndTests|ClusterSimulatorTests|$(WAITING)'
	$(FAST) $(TEST) --filter ClusterSimulatorTests
	RADIATA_BIN="$(CURDIR)/$(RADIATA)" $(FAST) $(TEST) $(AT_ONCE) 16 --filter EndToEndTests
	OPTIONAL=1 .ci/api-test 60

api-test: build ## schemathesis (from PyPI) against a running coordinator, 60 s
	.ci/api-test $(or $(SECONDS),60)

api-campaign: build ## the same until CASES (50000) requests were made, the coordinator killed every 30 s; goes on where it was
	.ci/api-campaign $(or $(CASES),50000)

fuzz: setup ## the decoders' corpus changed at random, SECONDS (60) for each
	RADIATA_FUZZ_SECONDS=$(or $(SECONDS),60) $(TEST) --filter DecoderTests

properties: setup ## 10000 random sweeps against an independent expander (needs python3 with scipy)
	python3 Tests/SweepFileTests/Fixtures/expander.py 10000 $(or $(SEED),7) > .build/expansions.json
	RADIATA_EXPANSIONS="$(CURDIR)/.build/expansions.json" $(TEST) --filter ExpansionTests

$(CURDIR)/.build/reference/bin/python .build/reference/bin/python: Tests/Reference/requirements.txt
	python3 -m venv .build/reference
	.build/reference/bin/pip install --quiet -r Tests/Reference/requirements.txt
	touch .build/reference/bin/python

adapter-check: setup $(RADIATA_PYTHON) ## every algorithm against lycoris-lora, diffusers and PEFT, both directions
	$(BUILD) --build-tests
	RADIATA_PYTHON="$(abspath $(RADIATA_PYTHON))" $(FAST) $(TEST) --filter CoreAdaptersTests
	$(FAST) $(RADIATA_PYTHON) Tests/Reference/adapter_run_check.py $(RADIATA)

trainer-check: build .build/trainer/python
trainer-check: ## the reference trainer (clients/python): exact resumes of every algorithm, and under a worker with SIGKILL
	$(FAST) .build/trainer/python/bin/python Tests/Reference/trainer_check.py $(RADIATA)
	$(BUILD) --build-tests
	RADIATA_TRAINER_PYTHON="$(CURDIR)/.build/trainer/python/bin/python" RADIATA_BIN="$(CURDIR)/$(RADIATA)" \
	    $(FAST) $(TEST) --filter ReferenceTrainerTests

.build/trainer/python: clients/python/pyproject.toml
	python3 -m venv .build/trainer/python
	.build/trainer/python/bin/pip install --quiet ./clients/python
	touch .build/trainer/python

reference: build $(RADIATA_PYTHON) ## models, training and resume against the reference libraries (5 GB of memory, 2 GB of disk)
	$(RADIATA_PYTHON) Tests/Reference/model_run_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/tokenizer_check.py
	$(RADIATA_PYTHON) Tests/Reference/replay_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/flow_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/embedded_base_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/sample_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/dump_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/bad_files_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/resume_check.py $(RADIATA)
	$(RADIATA_PYTHON) Tests/Reference/full_size_check.py $(RADIATA) .build/large
	$(TEST) --filter CoreDiffusionTests

real-size: build $(RADIATA_PYTHON)
real-size: ## a random Stable Diffusion 1.5 of full size through coordinator and worker (7 GB of memory, 6 GB of disk)
	$(FAST) $(RADIATA_PYTHON) Tests/Reference/real_size.py $(RADIATA) .build/real-size

reference-pages: build ## write the generated parts of docs/reference anew
	docs/reference/generate.sh $(RADIATA)

algorithms: build ## train every algorithm on the demo's concept at equal size: the table of docs/measurements/algorithms.md
	$(FAST) python3 Tests/Reference/algorithm_table.py $(RADIATA) --out .build/algorithms

metric-check: build .build/metrics/python
metric-check: ## 32 jobs of the demo's sweep: each metric against the SSIM of images to their own pictures (half an hour)
	$(FAST) .build/metrics/python/bin/python Tests/Reference/metric_check.py $(RADIATA) .build/metrics/run

.build/metrics/python: Tests/Reference/metric_requirements.txt
	python3 -m venv .build/metrics/python
	.build/metrics/python/bin/pip install --quiet -r Tests/Reference/metric_requirements.txt
	touch .build/metrics/python

encoder-check: build .build/encoders/python
encoder-check: ## every metric of named encoders, computed anew by transformers, torchvision, lpips, scikit-learn, …
	$(FAST) .build/encoders/python/bin/python Tests/Reference/encoder_check.py $(RADIATA)

.build/encoders/python: Tests/Reference/encoder_requirements.txt
	python3 -m venv .build/encoders/python
	.build/encoders/python/bin/pip install --quiet -r Tests/Reference/encoder_requirements.txt
	touch .build/encoders/python

page-check: build .build/page/python
page-check: ## the coordinator's page in a real browser while a sweep runs: everything people do there, axe-core, three widths
	.build/page/python/bin/python Tests/Page/page_check.py $(RADIATA) --shots .build/page/shots

page-speed: build .build/page/python
page-speed: ## the page's calls and a browser on 50,000 jobs and 20 million points (makes the ledger first; 600 MB)
	.build/page/python/bin/python Tests/Page/page_speed.py $(RADIATA) .build/page/big

.build/page/python: Tests/Page/requirements.txt
	python3 -m venv .build/page/python
	.build/page/python/bin/pip install --quiet -r Tests/Page/requirements.txt
	touch .build/page/python

e2e: setup ## the end-to-end tests alone: real processes, SIGKILL
	$(BUILD) --build-tests
	RADIATA_BIN="$(CURDIR)/$(RADIATA)" $(FAST) $(TEST) $(AT_ONCE) 16 --filter EndToEndTests

machines: setup ## sshd, Slurm and manifests for real, with what is too long for the tests (fifteen minutes; as root)
	@.ci/install-packages slurmctld slurmd slurm-client munge openssh-server debootstrap kubernetes-client
	$(BUILD) --build-tests
	RADIATA_MACHINES=1 RADIATA_BIN="$(CURDIR)/$(RADIATA)" $(FAST) $(TEST) --filter 'JoinTests|UpTests|SlurmTests'
	.ci/check-manifests
	.ci/bare-root

simulate: setup ## SEEDS=N worlds of the simulated cluster (FROM=S the first), or SEED=S alone with its trace
	$(BUILD) --product radiata-simulate
	$(SIMULATE) $(if $(SEED),--seed $(SEED) --trace,--seeds $(or $(SEEDS),300) --from $(or $(FROM),1))

mutants: setup ## the simulator built with bugs made on purpose must find each: all, or COUNT of them in turn by day
	.ci/mutants $(COUNT)

faults: build
faults: ## real processes killed, asleep and cut off from each other, crash points, a foreign program at the ledger, flipped bits (COUNT=20)
	@.ci/install-packages nftables iproute2 sqlite3
	$(BUILD) --build-tests
	for part in points bits; do RADIATA_FAULTS_PART=$$part RADIATA_FAULTS_COUNT=$(or $(COUNT),20) \
	    RADIATA_BIN="$(CURDIR)/$(RADIATA)" $(FAST) $(TEST) --filter FaultCampaign || exit 1; done
	python3 Tests/Campaign/campaign.py kill --count $$((8 * $(or $(COUNT),20)))
	python3 Tests/Campaign/campaign.py foreign --count $$((5 * $(or $(COUNT),20)))
	python3 Tests/Campaign/campaign.py syncs
	python3 Tests/Campaign/campaign.py netns --count 11

upgrade: build ## a cluster of the commit FROM at work becomes one of this version (builds that one: ten minutes)
	.ci/upgrade $(FROM)

campaign: setup ## PART=simulate FROM=1 TO=1000: a piece of the long campaign; its result is appended to docs/measurements/reliability.md
	@.ci/install-packages nftables iproute2 sqlite3
	.ci/campaign "$(or $(PART),simulate)" "$(or $(FROM),1)" "$(or $(TO),1000)"

demo: build ## a coordinator, two workers and the quickstart sweep on this machine
	$(FAST) $(RADIATA) demo

check: setup ## format lint, layering, links, and what else keeps the tree tidy
	$(SWIFT) format lint --strict --recursive Package.swift Sources coordinator worker Tests
	python3 Tests/Tidy/check_docs.py
	python3 Tests/Tidy/check_tree.py
	.ci/check-units

terminal-check: build ## what --watch shows, recorded in tmux at 80 and 200 columns, with checks (needs tmux)
	python3 Tests/Terminal/record.py $(RADIATA) --out .build/terminal

format: ## format every Swift file in place
	$(SWIFT) format --in-place --recursive Package.swift Sources coordinator worker Tests

dist: setup ## one archive that runs on a bare machine, with an install script; debug information beside it
	.ci/make-dist

bench: build ## measure this machine: matrix products and adapter steps
	$(FAST) $(RADIATA) bench gemm
	$(FAST) $(RADIATA) bench step --model tiny --algorithm lora
	$(FAST) $(RADIATA) bench step --model tiny --algorithm loha
	$(FAST) $(RADIATA) bench step --model tiny --algorithm lokr
	$(FAST) $(RADIATA) bench step --model tiny --algorithm full

clean: ## remove build folders
	rm -rf .build .build-mutants dist dist-debug dist-archive radiata-*-linux-x86_64*.tar.gz radiata-*-base.tar.gz
