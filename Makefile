# What a person does with this repository: "make" explains itself. It needs git, make, a Go toolchain of the
# version that go.mod names and, for the race detector alone, a C compiler.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO ?= go
# RACE= runs the tests without the race detector, where there is no C compiler.
RACE ?= -race

CACHE := $(CURDIR)/.cache
TOOLS := $(CACHE)/bin
CONTROLLER_GEN := $(TOOLS)/controller-gen
GOLANGCI_LINT := $(TOOLS)/golangci-lint
export GO CONTROLLER_GEN
export GOLANGCI_LINT_CACHE := $(CACHE)/golangci-lint

# Go and golangci-lint refuse to run without a home for their caches; some CI containers have none.
ifeq ($(strip $(HOME)),)
export HOME := $(CACHE)/home
endif

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
KUBERNETES_VERSION = $(shell awk '$$1 == "k8s.io/kubernetes" && $$2 ~ /^v/ {print $$2; exit}' standalone/go.mod)
STAMP = -X main.version=$(VERSION)
# The API server tells its clients this version, and refuses to start with none.
STAMP_KUBERNETES = -X k8s.io/component-base/version.gitVersion=$(KUBERNETES_VERSION)

# The same flags wherever an API server is compiled (build, its tests, lint): other flags are another build in
# Go's cache, and each costs ten minutes. The version is stamped by us, so that Go need not ask git.
PURE := CGO_ENABLED=0
BUILD_FLAGS := -trimpath -buildvcs=false
BUILD := $(PURE) $(CURDIR)/hack/build-progress.sh $(BUILD_FLAGS)

##@ Everyday

.PHONY: help
help: ## Say what there is to make (the default)
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\nThe first build compiles a Kubernetes API server: about ten minutes of CPU. Later ones take seconds.\n'

.PHONY: build
build: controller pvesim nixmox plugin ## Build bin/controller, bin/pvesim, bin/nixmox and bin/kubectl-nixmox

.PHONY: test
test: nixmox pvesim plugin ## Run all tests, the controllers' against bin/nixmox as their API server
	hack/build-progress.sh $(RACE) ./apis/... ./controllers/... ./internal/...
	NIXMOX_BIN=$(CURDIR)/bin/nixmox $(GO) test $(RACE) -shuffle=on -timeout 20m ./...
	cd standalone && NIXMOX_BIN=$(CURDIR)/bin/nixmox $(PURE) $(GO) test -trimpath -shuffle=on -timeout 20m ./...
	cd test/argocd && $(PURE) $(GO) test -trimpath ./...

.PHONY: demo
demo: build ## Bring the sample stack up and stay until Ctrl-C (FRESH=1 forgets the last time)
	bin/nixmox demo --data-dir .cache/demo $(if $(FRESH),--fresh)

.PHONY: demo-check
demo-check: build ## Bring the ten-service sample stack up on real parts and judge order and time
	$(PURE) $(GO) run $(BUILD_FLAGS) ./hack/democheck --bin bin

.PHONY: fidelity
fidelity: pvesim ## Hold bin/pvesim against 830 recorded answers of a Proxmox VE (TIME_SCALE=1: four minutes)
	$(PURE) GOFLAGS="$(LINT_GOFLAGS)" hack/fidelity.sh

BENCH = $(PURE) $(GO) run $(BUILD_FLAGS) ./test/bench --bin bin --docs docs/performance.md

.PHONY: bench
bench: controller nixmox ## Measure time, calls, memory and writes against their goals (about ten minutes)
	$(BENCH)

.PHONY: bench-full
bench-full: controller nixmox ## The same, then 1,000 services on 50 nodes, then 10,000 (about three quarters of an hour)
	failed=0; for set in short thousand full; do $(BENCH) --set $$set || failed=1; done; exit $$failed

.PHONY: crash
crash: nixmox ## Let the controller die at every write that it makes (SHARD=1/4 tries a quarter)
	$(PURE) NIXMOX_BIN=$(CURDIR)/bin/nixmox $(GO) run $(BUILD_FLAGS) ./test/crash/cmd $(if $(SHARD),-shard $(SHARD)) $(FLAGS)

.PHONY: mutants
mutants: nixmox ## Build five deliberate mistakes in, one by one: the harness must notice each
	$(PURE) NIXMOX_BIN=$(CURDIR)/bin/nixmox MUTANTS=all $(GO) test -trimpath -count=1 -v -run TestDeliberateMistakesAreNoticed ./test/crash

.PHONY: schedules
schedules: nixmox ## Run controllers with old reads, missed events, conflicts, a second leader (SEED=1 N=100)
	$(PURE) NIXMOX_BIN=$(CURDIR)/bin/nixmox $(GO) run $(BUILD_FLAGS) ./test/schedules/cmd $(if $(SEED),-seed $(SEED)) $(if $(N),-n $(N)) $(FLAGS)

.PHONY: walk
walk: nixmox ## Walk from spec to spec, made up from the CRD's schema (SEED=1 N=100, twenty changes each)
	$(PURE) NIXMOX_BIN=$(CURDIR)/bin/nixmox $(GO) run $(BUILD_FLAGS) ./test/walk/cmd $(if $(SEED),-seed $(SEED)) $(if $(N),-n $(N)) $(FLAGS)

.PHONY: faults
faults: nixmox ## Have every call to Proxmox go wrong in every way (FLAGS="-case 595")
	$(PURE) NIXMOX_BIN=$(CURDIR)/bin/nixmox $(GO) run $(BUILD_FLAGS) ./test/faults/cmd $(FLAGS)

.PHONY: clean
clean: ## Remove what was built here (Go's own cache stays)
	rm -rf bin cover.out $(TOOLS) $(GOLANGCI_LINT_CACHE)

##@ Before a commit

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Write deep copies, CRDs, the RBAC role and docs/api.md from the Go types and markers
	hack/generate.sh .
	@$(PURE) $(GO) run $(BUILD_FLAGS) ./hack/apidoc

.PHONY: generate-check
generate-check: $(CONTROLLER_GEN) ## Fail, with the difference, where a generated file is not current
	hack/generate-check.sh

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format the Go code and sort its imports
	$(GOLANGCI_LINT) fmt ./...
	cd standalone && $(GOLANGCI_LINT) fmt --config ../.golangci.yml ./...

.PHONY: lint
lint: lint-go lint-text ## Check style, import directions, scripts and stray machine paths

.PHONY: lint-go
lint-go: $(GOLANGCI_LINT) nixmox
	$(PURE) GOFLAGS="$(LINT_GOFLAGS)" $(GOLANGCI_LINT) run ./...
	cd standalone && $(PURE) GOFLAGS="$(LINT_GOFLAGS)" $(GOLANGCI_LINT) run --config ../.golangci.yml ./...

# The linter compiles through GOFLAGS alone; -trimpath makes it share the build's cache.
LINT_GOFLAGS = $(shell $(GO) env GOFLAGS) -trimpath

.PHONY: lint-text
lint-text:
	hack/check-paths.sh
	@if command -v shellcheck >/dev/null; then shellcheck hack/*.sh .ci/run deploy/nixmox-exec deploy/kubectl_complete-nixmox; else echo "shellcheck is not installed: scripts are not checked"; fi

.PHONY: fuzz
fuzz: ## Run each fuzz target on FUZZTIME inputs (100000x)
	$(PURE) hack/fuzz.sh

.PHONY: troubleshooting
troubleshooting: nixmox ## Write docs/troubleshooting.md anew from what the situations' test sees
	NIXMOX_BIN=$(CURDIR)/bin/nixmox $(PURE) $(GO) test -trimpath ./controllers -run TestTheTroubleshootingPage -update

.PHONY: goldens
goldens: ## Record the containers that this version makes, as test/goldens/testdata/$(NAME)
	$(PURE) $(GO) test -trimpath ./test/goldens -run TestRecord -record "$(NAME)"

##@ Parts

# Always asked, seldom work: Go's cache decides what is stale.
.PHONY: controller pvesim nixmox plugin
controller: ## Build bin/controller, the controller for a cluster that exists
	$(BUILD) -ldflags '$(STAMP)' -o bin/controller ./cmd/controller

pvesim: ## Build bin/pvesim, the Proxmox stand-in
	$(BUILD) -ldflags '$(STAMP)' -o bin/pvesim ./cmd/pvesim

plugin: ## Build bin/kubectl-nixmox, the kubectl plugin
	$(BUILD) -ldflags '-s -w $(STAMP)' -o bin/kubectl-nixmox ./cmd/kubectl-nixmox

# Without the tables for debuggers (-s -w) it is a third smaller and links faster; stack traces stay whole.
nixmox: ## Build bin/nixmox, Kubernetes API and controller in one process
	cd standalone && $(BUILD) -ldflags '-s -w $(STAMP) $(STAMP_KUBERNETES)' -o ../bin/nixmox ./cmd/nixmox

# Tools are built from source at the versions that their own go.mod pins, when that file changed.
$(TOOLS)/%: hack/tools/%/go.mod
	@echo "building $* (the first time takes a minute or three)"
	@cd hack/tools/$* && $(PURE) $(GO) build $(BUILD_FLAGS) -o $@ $$(awk '$$1 == "tool" {print $$2}' go.mod)
	@touch $@
