# Every target is a line or two of plain commands; `make` lists them.
GO ?= go
# The newest Go, had by the go command itself where the machine has an older one (go.mod asks for it too).
export GOTOOLCHAIN := go1.27.3
BIN := bin/slipway
# SQLite's C, as Go: thirteen times slower with the race detector, which finds nothing of ours in it. Tools that load
# packages take these as GOFLAGS: else all is compiled once more for them, without the detector.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false
# A program with the race detector sleeps a second before it ends, unless it is told not to.
export GORACE := atexit_sleep_ms=0
# The packages whose tests take longest, which begin first: go test keeps the order that it is given, two at a time on
# two cores, and what begins last is waited for alone.
LONGEST := ./e2e ./adapters/build ./platform
# What the tests use beyond Go and Python: a real git, virtual environments, a real PostgreSQL, a real browser, and
# Node.js for the second OpenID provider.
PACKAGES := git python3 python3-venv postgresql openssh-client chromium
# What the long tests run or build besides: workers' queues, uwsgi and bjoern.
LONG_PACKAGES := redis-server build-essential python3-dev libev-dev

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: holder
holder: # what stands between the platform and a command, built for the tag embedholder
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o sandbox/slipway-holder ./cmd/slipway-holder

.PHONY: build
build: holder ## build bin/slipway
	$(GO) build -trimpath -tags embedholder -ldflags='-s -w' -o $(BIN) ./cmd/slipway

.PHONY: demo
demo: build ## run the example services from git to prod, platform left up
	$(BIN) demo

.PHONY: tools
tools: ## install what the tests need and the machine lacks (Debian)
	@command -v dpkg-query >/dev/null || exit 0; \
	command -v npm >/dev/null || missing="nodejs npm"; \
	for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; \
	fi

.PHONY: generate
generate: ## write the generated code again
	$(GO) generate ./...

.PHONY: pins
pins: ## choose the versions of the tools that Slipway installs again, from adapters/build/tools/*.in
	@dir=$$(mktemp -d) && python3 -m venv $$dir && $$dir/bin/pip install -q uv && cd adapters/build/tools && for f in *.in; do n=$${f%.in}; \
	  { echo "# The whole of $$n with its dependencies, for Python 3.10 and later on any platform."; echo "# Made by: make pins"; \
	    $$dir/bin/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-annotate --no-header $$f; } > $$n.txt || exit 1; \
	done; rm -rf $$dir

.PHONY: check
check: ## formatting, generated code, vet, determinism of the workflows
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) generate ./...
	git diff --exit-code --stat
	$(GO) vet $(RACE) ./...
	$(GO) vet $(RACE) -tags long ./python/... ./node ./platform ./e2e
	@tool=$$($(GO) tool -n workflowcheck) && GOFLAGS='$(RACE)' $$tool ./workflows

.PHONY: test
test: tools check gosec ## pass the tests: everything, with the race detector; the ten slowest are told at the end
	@sum=$$($(GO) tool -modfile=tools/go.mod -n gotestsum) && mkdir -p bin && \
	$$sum --format pkgname --hide-summary skipped --jsonfile bin/test.json \
	  --post-run-command "$$sum tool slowest --num 10 --jsonfile bin/test.json" -- $(RACE) -timeout 70m $(LONGEST) ./...

.PHONY: test-long
test-long: PACKAGES += $(LONG_PACKAGES)
test-long: tools ## what is known of other tools, servers and workers, against them at pinned versions (installs them), more histories, and 100 kills of the node agent
	$(GO) test $(RACE) -tags long -timeout 90m -v -run TestLong ./python ./node
	$(GO) test $(RACE) -tags long -timeout 60m -v -run TestHistories ./platform
	$(GO) test -tags long -timeout 60m -v -run TestLong ./e2e

.PHONY: screenshots
screenshots: tools build ## pictures of every page of the portal (light, dark, 390 px) into screenshots/
	mkdir -p screenshots
	SLIPWAY_SCREENSHOTS=$(CURDIR)/screenshots SLIPWAY_BINARY=$(CURDIR)/$(BIN) $(GO) test -count 1 -run 'TestPortal' ./e2e

.PHONY: vulncheck
vulncheck: build ## known vulnerabilities in bin/slipway, beyond those that .ci/vulnerabilities.txt explains
	.ci/vulncheck $(BIN)

# Left out, because they find every call and not the wrong one: G204 and G304, programs and files that a variable names.
# Names from outside are checked where they come in, trees of others are written through os.Root, and commands are lists
# of arguments. .ci/gosec.json lets directories be 0755 and files 0644: what is built is no secret and belongs to one
# user; keys, values and databases are written 0600. Every other finding that is let be has its reason on its line.
.PHONY: gosec
gosec: ## what gosec says of the code that is written by hand
	@tool=$$($(GO) tool -modfile=tools/go.mod -n gosec) && GOFLAGS='$(RACE)' $$tool -quiet -conf .ci/gosec.json -exclude G204,G304 -exclude-generated ./...

.PHONY: contract
contract: ## accept the contract as it is: what it promises now is held by the tests (docs/api-compatibility.md)
	$(GO) test -run 'TestContractStaysCompatible' ./api
	cp api/openapi.yaml api/testdata/openapi.v1.yaml

.PHONY: schemathesis
schemathesis: tools build ## 20,000 requests made from the contract, in every role, against a running platform
	SLIPWAY_SCHEMATHESIS=20000 SLIPWAY_BINARY=$(CURDIR)/$(BIN) $(GO) test -count 1 -v -timeout 60m -run TestContract ./e2e

.PHONY: bench
bench: build ## measure, with ratios against a baseline of the same run; wants a quiet machine
	SLIPWAY_BINARY=$(CURDIR)/$(BIN) $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m . ./edge ./node ./api ./workflows ./web ./adapters/build ./artifact ./e2e
