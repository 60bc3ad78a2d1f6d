# make run    install what is missing, build, capture into SQLite, serve the pages
# make test   install what the tests need and run them all
# make bench  what a packet costs, beside programs in C that do the least
# make cross TARGET=mipsel        build for a router (mips, armv7, aarch64, x86_64, all)
# make test-cross TARGET=mipsel   and run that in QEMU: it must give what the native program gives
# make ipk TARGET=mipsel_24kc     packages for OpenWrt with opkg, from what make cross built
# make apk TARGET=mipsel_24kc     …and for OpenWrt with apk, from 25.12 on; KEY=… signs their index

# For `make run`: which interfaces, or a capture file ("sample" makes one).
IFACE ?=
PCAP ?=
# …and where the pages are served.
BIND ?= 127.0.0.1
PORT ?= 8080

export IFACE PCAP BIND PORT

# For `make cross`: which router, which program (sqlite; full has MariaDB over
# TLS as well; units are the unit tests), and how many bytes each may have on MIPS, as
# such routers have 16 MB of flash.
TARGET ?=
PROGRAM ?= sqlite full
BUDGET_SQLITE ?= 3200000
BUDGET_FULL ?= 5200000

export BUDGET_SQLITE BUDGET_FULL

.PHONY: run test bench cross test-cross ipk apk

run:
	@scripts/run.sh

test:
	@scripts/test.sh

bench:
	@scripts/setup.sh bench
	cargo build --release --locked
	python3 scripts/bench.py target/release/weir

cross:
	@scripts/cross.sh "$(TARGET)" $(PROGRAM)

# The smallest routers if none is named; mips is the other way round (big-endian).
test-cross: TARGET := $(or $(TARGET),mipsel mips)
test-cross: cross
	@scripts/test-cross.sh "$(TARGET)" $(PROGRAM)

ipk apk:
	@python3 scripts/package.py $@ "$(TARGET)" $(if $(KEY),--key "$(KEY)")
