# Every target sets itself up; there are no manual steps.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint emulator e2e clean

help: ## Show the targets
	@grep -hE '^[a-z0-9_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
