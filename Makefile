# `make help` lists what there is. Nothing here needs more than Go; `make test` installs by itself what only the tests need.
.DEFAULT_GOAL := help
.PHONY: help dev build test lint generate verify bench vuln clean

TOOLS := .cache/tools
# Two linters' worth of type information fits in a small machine when the collector works a little harder.
LINT  := GOGC=50 $(TOOLS)/golangci-lint

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

dev: ## start the whole product with sample data on http://localhost:8080
	go run ./cmd/latchkey dev

build: ## build the static binary into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/latchkey

test: ## run every test but ONLY=faults, minutes of broken machines; ONLY="unit browser" runs some sections, FUZZTIME=20s fuzzes longer
	@tests/run $(ONLY)

lint: $(TOOLS)/stamp ## check style, imports' direction and common mistakes
	$(LINT) run ./...

generate: $(TOOLS)/stamp ## make the generated code again (sqlc, go generate)
	$(TOOLS)/sqlc generate
	go generate ./...

verify: $(TOOLS)/stamp ## check that the generated code is what its sources make, and the modules what go.sum says
	$(TOOLS)/sqlc diff
	go mod verify

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./bearer/... ./internal/...

vuln: $(TOOLS)/stamp ## look for known vulnerabilities (needs the network)
	$(TOOLS)/govulncheck ./...

clean: ## remove what the targets above made
	rm -rf bin artefacts .cache tests/clients/node_modules

# The tools are built once for each change of their pinned versions: about two minutes on two cores.
$(TOOLS)/stamp: tools/go.mod tools/go.sum
	@echo "building the pinned tools into $(TOOLS): about four minutes, once"
	@mkdir -p $(TOOLS)
	go build -C tools -trimpath -ldflags '-s -w' -o ../$(TOOLS)/ tool
	@touch $@
