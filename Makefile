# make run    install what is missing, build, capture into SQLite, serve the pages
# make test   install what the tests need and run them all
# make bench  what a packet costs, beside programs in C that do the least

# For `make run`: which interfaces, or a capture file ("sample" makes one).
IFACE ?=
PCAP ?=
# …and where the pages are served.
BIND ?= 127.0.0.1
PORT ?= 8080

export IFACE PCAP BIND PORT

.PHONY: run test bench

run:
	@scripts/run.sh

test:
	@scripts/test.sh

bench:
	@scripts/setup.sh bench
	cargo build --release --locked
	python3 scripts/bench.py target/release/weir
