# The two commands: `make run` starts the agent, `make test` proves it.
# Everything else is listed by `make help`.

GO      ?= go
DATA    ?= data
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=.ci/tools/go.mod
# One set of flags for all but the race detector, so that every step finds what
# the one before it compiled.
PURE    := CGO_ENABLED=0 GOFLAGS=-trimpath
CROSS   := linux/amd64 linux/arm64 linux/loong64 linux/riscv64 windows/amd64

.DEFAULT_GOAL := help
.PHONY: help run build test packages lint generate generated portable cross bench bench-logs bench-probes faults flood soak clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the agent on this machine; Ctrl-C stops it
	@exec bin/xunjian run --data $(DATA)

build: ## build the one static binary, bin/xunjian
	@mkdir -p bin
	$(PURE) $(GO) build -ldflags '$(LDFLAGS)' -o bin/xunjian ./cmd/xunjian

test: packages build ## install what the tests need, then run them all with the race detector
	$(GO) test -race -vet=off -parallel 4 -timeout 30m ./...

packages: ## install the Debian packages that tests use as real parts
	@.ci/packages

lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l agent alerting checks cmd deploy rules)" || { gofmt -l agent alerting checks cmd deploy rules; echo 'not gofmt-ed: run gofmt -w'; exit 1; }
	$(PURE) $(GO) vet ./...
	$(PURE) $(TOOL) staticcheck ./...

generate: ## make the generated files again
	$(PURE) $(GO) generate ./...

generated: generate ## fail if a generated file is out of date
	@git diff --exit-code --stat || { echo 'generated files are out of date: commit what make generate writes'; exit 1; }

# deadcode reads the whole program from source and fails if any package of it does
# not: a sixth of the work of compiling. What it is made for is not asked.
portable: ## read the program as each other platform that we promise would compile it
	@mkdir -p bin
	$(PURE) $(GO) build -modfile=.ci/tools/go.mod -o bin/deadcode golang.org/x/tools/cmd/deadcode
	@set -e; for p in $(filter-out linux/amd64,$(CROSS)); do echo "read for $$p"; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} bin/deadcode ./cmd/xunjian >/dev/null; done

cross: ## build for every platform we promise
	@set -e; for p in $(CROSS); do echo "build $$p"; \
	  $(PURE) GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/xunjian; done

bench: build ## the figures of docs/performance.md, on this machine
	$(PURE) $(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

bench-logs: ## review of logs beside ripgrep, grep and fail2ban, 1 GB each
	XUNJIAN_BENCH_LOG=1000000000 $(PURE) $(GO) test -run '^$$' -bench BesideOthers -benchtime 3x -timeout 60m ./checks/logs

bench-probes: build ## CPU and memory of a thousand probes at 10s (6 minutes)
	$(PURE) $(GO) test -run '^$$' -bench ThousandProbes -benchtime 1x -timeout 20m ./agent/

CYCLES ?= 5000
faults: build ## kill -9 at random instants, and random lives of incidents, CYCLES times (default 5000)
	XUNJIAN_FAULTS=$(CYCLES) $(GO) test -run '^TestKill' -v -timeout 24h ./agent/
	$(GO) test -run '^TestRandomLife$$' -timeout 24h ./alerting -rapid.checks=$(CYCLES)

FLOOD ?= 60s
flood: ## 50,000 syslog messages a second for FLOOD (default 60s) each over UDP, TCP and TLS, beside rsyslogd
	XUNJIAN_FLOOD=$(FLOOD) $(PURE) $(GO) test -run '^TestFlood$$' -v -timeout 1h ./checks/logs/syslog/

soak: ## a million rotations of a log, with kills of the reader (an hour)
	XUNJIAN_ROTATIONS=1000000 $(GO) test -run '^TestRotation$$' -v -timeout 24h ./checks/logs/tail/

backups: ## every form of backup, restored for trial into real servers
	XUNJIAN_BACKUPS=all $(GO) test -race -timeout 30m ./checks/backup/...

clean: ## remove what was built
	rm -rf bin dist
