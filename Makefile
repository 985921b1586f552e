# Every target sets itself up; there are no manual steps.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint emulator matrix soak e2e faults peers clean

help: ## Show the targets
	@grep -hE '^[a-z0-9_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## From a Linux disk to running machines, against the local Azure (IMAGE=path takes your disk)
	@tools/setup.sh run
	@tools/demo.sh $(if $(IMAGE),"$(abspath $(IMAGE))")

test: ## Unit, integration and molecule tests
	@tools/setup.sh test
	@tests/run.sh

lint: ## Every static check
	@tools/setup.sh test
	@tools/lint.sh

emulator: ## Install the local Azure into .venv, storage accounts included
	@tools/setup.sh emulator
	@echo "Ansible, the collection and it: . .venv/bin/activate"
	@echo "Start it:   azure-emulator start --data .cache/azure"
	@echo "Use it:     eval \"\$$(azure-emulator env --data .cache/azure)\""

matrix: ## The modules' tests with the other pairs of SDK and way to run
	@tools/setup.sh test
	@tests/run.sh matrix

soak: ## What takes minutes: random kills, histories, backups and Windows machines in trouble
	@tools/setup.sh test
	@tests/run.sh soak

e2e: ## Boot the generalized disk in QEMU and let it provision itself as on Azure
	@tools/setup.sh test
	@tests/run.sh e2e

faults: ## The modules' tests while one request in ten fails (GOLDENIMAGE_FAULT_SEEDS=1,2,3 repeats a run)
	@tools/setup.sh test
	@tests/run.sh faults

peers: ## Drive Azure CLI, azure.azcollection and Packer, unmodified, against the local Azure
	@tools/setup.sh peers
	@tests/run.sh peers

clean: ## Remove everything the other targets made
	rm -rf .venv .venv-* .build .cache
