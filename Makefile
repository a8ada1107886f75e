# Everything a newcomer needs, one line each. `make` lists the targets.
PREFIX ?= /usr/local
DESTDIR ?=

.DEFAULT_GOAL := help
.PHONY: help setup build wasm demo serve test tsan fuzz bench check format clean install

help:     ## list the targets
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

setup:    ## install what a build needs (Debian 12)
	scripts/setup

build:    ## build the release in build/release, from a bare machine
	scripts/setup && cmake --preset release && cmake --build --preset release

wasm:     ## build the OEmbeddings validator for browsers and Node in build/wasm
	scripts/setup --wasm && scripts/build-wasm

demo:     build ## do the main job on real data
	scripts/demo

serve:    build ## serve the demo data
	scripts/demo --serve

test:     ## build with address and undefined behaviour sanitizers and run all tests
	scripts/setup --test && cmake --preset dev && cmake --build --preset dev && ctest --preset dev

tsan:     ## the same tests under the thread sanitizer
	scripts/setup --test && cmake --preset tsan && cmake --build --preset tsan && ctest --preset tsan

fuzz:     ## look for input that breaks the parsers, EDB_FUZZ_SECONDS each (60)
	scripts/setup --test && scripts/fuzz

bench:    ## run the micro-benchmarks of the release
	scripts/setup --test && scripts/bench

check:    ## format, tidy and clang-tidy; SINCE=<commit> for the files changed since
	scripts/setup --test && scripts/check $(SINCE)

format:   ## format the sources in place
	scripts/format

clean:    ## remove what builds made
	rm -rf build

install:  build ## copy bin/, lib/ and the validator of make wasm to DESTDIR and PREFIX
	DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX) --strip
