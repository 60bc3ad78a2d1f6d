#!/bin/bash
# Runs the programs that scripts/cross.sh made, in QEMU, over every capture in
# tests/cases: what they print and what they write into SQLite must be what the
# native program gives, byte for byte.
#
#   scripts/test-cross.sh TARGET [sqlite|full|units]...
#
# TARGET is what scripts/cross.sh takes. units are the unit tests instead, with
# checks for overflow: what goes wrong in 32 bits only shows in them.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
work=$root/target/cross/test
say() { printf '\033[1mtest-cross:\033[0m %s\n' "$*"; }

# A processor each that has no more than the smallest router: no floating point, no NEON.
runner() {
    case $1 in
    mipsel | mips) echo "qemu-$1-static -cpu 24Kc" ;;
    armv7) echo "qemu-arm-static -cpu cortex-a9,neon=off" ;;
    aarch64) echo "qemu-aarch64-static -cpu cortex-a53" ;;
    x86_64) echo "qemu-x86_64-static" ;;
    *)
        echo "test-cross: no such target: $1" >&2
        return 1
        ;;
    esac
}

# dump DATABASE: every row of it, as SQL.
dump() {
    python3 -c '
import sqlite3, sys
for line in sqlite3.connect(sys.argv[1]).iterdump():
    print(line)' "$1"
}

# results FOLDER COMMAND...: leaves there what it makes of the captures.
results() {
    local to=$1 name status
    shift
    rm -rf "$to"
    mkdir -p "$to"
    cat >"$to/config.toml" <<TOML
[apps]
features = "$root/features.txt"
[store]
details = true
[sqlite]
path = "weir.db"
TOML
    for capture in "$root"/tests/cases/*/capture*; do
        name=$(basename "$(dirname "$capture")")
        status=0
        "$@" read --json -c "$to/config.toml" "$capture" >"$to/$name.json" 2>"$to/$name.log" || status=$?
        # By code and words: a capture that is damaged is told with the place.
        echo "exit $status" >>"$to/$name.log"
    done
    # All in one database.
    status=0
    "$@" read -c "$to/config.toml" "$root"/tests/cases/*/capture* >"$to/read.log" 2>&1 || status=$?
    echo "exit $status" >>"$to/read.log"
    dump "$to/weir.db" >"$to/weir.sql"
    rm -f "$to"/weir.db*
}

scripts/setup.sh cross
say "the native program"
cargo build --locked --quiet
results "$work/native" "$root/target/debug/weir"
rows=$(grep -c '^INSERT' "$work/native/weir.sql")
lines=$(cat "$work"/native/*.json | wc -l)

targets=$1
shift
[ "$targets" != all ] || targets="mipsel mips armv7 aarch64 x86_64"
failed=
for target in $targets; do
    run=$(runner "$target")
    for what in "$@"; do
        program=$(echo "$root/target/cross/$target"-*"/$what/weir")
        to=$work/$target-$what
        if [ "$what" = units ]; then
            # In one process: another would be one of the target's, without QEMU.
            # shellcheck disable=SC2086 # a list of words
            if RUSTC_BOOTSTRAP=1 $run "$program" -Z unstable-options --force-run-in-process >"$to.log" 2>&1; then
                say "$target, units: $(sed -n 's/^test result: ok. //p' "$to.log")"
            else
                tail -n 40 "$to.log" >&2
                say "$target, units: failed; all of it is in $to.log"
                failed=yes
            fi
            continue
        fi
        # shellcheck disable=SC2086 # a list of words
        results "$to" $run "$program"
        if diff -r -x config.toml "$work/native" "$to" >"$to.diff"; then
            say "$target, $what: the same $lines lines of JSON and $rows rows"
        else
            head -n 20 "$to.diff" | cut -c 1-200 >&2
            say "$target, $what: not the same; all of it is in $to.diff"
            failed=yes
        fi
    done
done
[ -z "$failed" ]
