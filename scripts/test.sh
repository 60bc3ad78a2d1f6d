#!/bin/bash
# Installs what the tests need and runs them all.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p target
log=target/test.log

say() { printf '\033[1mtest:\033[0m %s\n' "$*"; }

begun=$SECONDS
scripts/setup.sh test

say "format and lints"
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
cargo clippy --locked --all-targets --no-default-features -- -D warnings

say "Rust: units, layers, cases, commands, databases, namespaces"
cargo test --locked --no-fail-fast 2>&1 | tee "$log"

say "pages"
cargo build --locked
python3 scripts/sample.py --hours 24 --size 20 --end 1780000000 --utc-offset 0 target/sample.pcap
tests/web/run.sh target/debug/weir target/sample.pcap | tee -a "$log"

say "places of the database"
python3 tests/places/run.py target/debug/weir | tee -a "$log"

say "OpenWrt: packages, settings, service, LuCI"
python3 tests/openwrt/run.py target/debug/weir | tee -a "$log"

say "make run"
python3 tests/make_run.py | tee -a "$log"

passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
failed=$(awk '/^test result:/ { n += $6 } END { print n + 0 }' "$log")
pages=$(grep -c '^web: .* s \|^run: \|^places: [^l]\|^openwrt: .* s$' "$log")
say "$passed tests passed, $failed failed; $pages groups of tests of pages, OpenWrt and make run passed; $((SECONDS - begun)) s"
