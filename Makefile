# Puna: every way to build, run and test it. 'make help' lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# make demo ADAPTER= serves the plain base model; PORT chooses the port.
ADAPTER ?= models/demo/adapter
PORT ?= 8000
HOST ?= 127.0.0.1
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: packages
packages: ## Install the Debian packages of tools/apt-packages.txt
	@tools/install_packages.sh

.PHONY: web
web: packages ## Build the chat page into build/web
	@tools/build_web.sh

.PHONY: build
build: web ## Build build/release/bin/puna
	@cmake --preset release > build/release-configure.log || { cat build/release-configure.log; exit 1; }
	@cmake --build --preset release --target puna

PREFIX ?= /usr/local
.PHONY: install
install: build ## Install program, manual page and completions below PREFIX (/usr/local); DESTDIR is honoured
	@cmake --build --preset release --target extras > build/extras.log || { cat build/extras.log; exit 1; }
	@cmake --install build/release --prefix "$(PREFIX)"

.PHONY: package
package: build ## Make a package for Debian 12, build/release/puna_VERSION_amd64.deb
	@cmake --build --preset release --target extras > build/extras.log || { cat build/extras.log; exit 1; }
	@cd build/release && cpack > package.log || { cat package.log; exit 1; }
	@ls build/release/*.deb

.PHONY: picture
picture: build fetch-models ## Make the README's picture anew
	@npm --prefix tests/browser ci --no-audit --no-fund --loglevel=error
	@cd tests/browser && PUNA_KEEP_PICTURE=1 node --test readme.test.mjs

.PHONY: fetch-models
fetch-models: packages ## Fetch the demo's base model (95 MB, hash-checked)
	@tools/fetch_models.sh

.PHONY: demo
demo: build fetch-models ## Build, fetch the demo model and serve it on 127.0.0.1:8000
	@tools/demo.sh "$(ADAPTER)" "$(HOST)" "$(PORT)"

.PHONY: cluster
cluster: build fetch-models ## Serve the demo on Ray Serve with dashboard and Gradio page
	@tools/cluster.sh "$(ADAPTER)" --host "$(HOST)" --port "$(PORT)"

.PHONY: test-cluster
test-cluster: build fetch-models ## Every cluster test on real Ray processes, also those that take minutes
	@/usr/bin/python3 tools/run_tests.py --long cluster

.PHONY: test-kubernetes
test-kubernetes: build fetch-models ## Judge deploy/kubernetes by a real control plane (root; builds it once)
	@tools/install_packages.sh tools/apt-packages-kubernetes.txt
	@/usr/bin/python3 tools/run_tests.py --long kubernetes

.PHONY: test-accelerators
test-accelerators: packages ## Programs for devices on XLA's plugin for CPUs and the reference plugin, in full
	@/usr/bin/python3 tools/run_tests.py --long accelerators

.PHONY: test-terraform
test-terraform: build fetch-models ## Judge deploy/terraform by a real CLI and schema, install.sh and cleanup.sh whole (root)
	@tools/install_packages.sh tools/apt-packages-kubernetes.txt
	@/usr/bin/python3 tools/run_tests.py --long terraform

.PHONY: test-images
test-images: ## Build the container images and start them (root; podman in namespaces of its own)
	@tools/install_packages.sh tools/apt-packages-images.txt
	@/usr/bin/python3 tools/run_tests.py --long images

.PHONY: test
test: packages ## Every test, from lint to browser
	@/usr/bin/python3 tools/run_tests.py

.PHONY: test-changed
test-changed: packages ## What a change most likely broke, in two minutes
	@/usr/bin/python3 tools/run_tests.py --changed

.PHONY: test-gcc
test-gcc: packages fetch-models ## Everything built by g++ 12 with debug checks, and its unit tests
	@/usr/bin/python3 tools/run_tests.py --long gcc

.PHONY: fuzz
fuzz: packages ## Fuzz every target for FUZZ_SECONDS each (default 600)
	@/usr/bin/python3 tools/run_tests.py --long fuzz --fuzz-seconds $(or $(FUZZ_SECONDS),600)

.PHONY: format
format: packages ## Format C++ in place
	@git ls-files -coz --exclude-standard '*.cc' '*.h' | xargs -0 clang-format-19 -i

.PHONY: clean
clean: ## Remove everything that was built (the fetched model too)
	rm -rf build web/node_modules
