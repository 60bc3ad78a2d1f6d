#!/bin/bash
# Builds Weir for a router: one static program, with musl and a libpcap of its
# own, without Docker and without a toolchain of OpenWrt.
#
#   scripts/cross.sh TARGET [sqlite|full|units]...
#
# TARGET is mipsel, mips, armv7, aarch64, x86_64 or all. sqlite writes to SQLite
# only, full to MariaDB over TLS as well; both are made if none is named. units
# is the unit tests. The result is target/cross/TRIPLE/sqlite/weir and so on.
# OPT is the level of optimisation (s; z for MIPS, whose flash is the smallest), BUDGET_SQLITE and BUDGET_FULL are how many
# bytes the program may have on MIPS.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
: "${OPT:=}" "${BUDGET_SQLITE:=}" "${BUDGET_FULL:=}"

# The last Zig that can link for MIPS.
zig=0.15.2
zigbuild=0.24.0

work=$root/target/cross
tools=$work/tools-$zig-$zigbuild
mkdir -p "$work/log"

say() { printf '\033[1mcross:\033[0m %s\n' "$*"; }
fail() {
    echo "cross: $*" >&2
    exit 1
}

# quietly LOG COMMAND...: shows what it printed only if it fails.
quietly() {
    local log=$work/log/$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "failed; all of it is in $log"
    }
}

# describe TARGET: what is to be known of it.
describe() {
    relocation=() pic=() patched=() features=+crt-static opt=${OPT:-s}
    case $1 in
    mipsel | mips)
        # As in an MT7621 (mipsel) or an ath79 (mips): no unit for floating
        # point. musl's start crashes if such a program is position-independent,
        # and at a fixed address it is smaller too.
        triple=$1-unknown-linux-musl opt=${OPT:-z}
        machine="-target $1-linux-musleabi -mcpu=mips32r2+soft_float"
        relocation=(-C relocation-model=static)
        pic=(-fno-pic)
        ;;
    armv7)
        # rustc from 1.94 uses registers that small ARMs do not have (rust-lang/rust#159973).
        triple=armv7-unknown-linux-musleabihf
        machine="-target arm-linux-musleabihf -mcpu=generic+v7a+vfp3-d32+thumb2-neon"
        features+=,-d32
        ;;
    aarch64 | x86_64)
        triple=$1-unknown-linux-musl
        machine="-target $1-linux-musl"
        ;;
    *) fail "no such target: $1; there are mipsel, mips, armv7, aarch64, x86_64 and all" ;;
    esac
}

make_tools() {
    scripts/setup.sh cross
    [ ! -x "$tools/bin/cargo-zigbuild" ] || return 0
    say "installing Zig as C compiler and linker"
    rm -rf "$tools"
    python3 -m venv "$tools"
    quietly tools.log "$tools/bin/pip" install "ziglang==$zig" "cargo-zigbuild==$zigbuild"
}

# The source of libpcap by apt, with the changes that Debian made for security.
# The lists of packages are a copy: those of the system stay as they are.
fetch_libpcap() {
    compgen -G "$work/libpcap/libpcap-*/configure" >/dev/null && return
    say "fetching the source of libpcap"
    local apt=$work/apt system=/etc/apt/sources.list.d/debian.sources
    rm -rf "$apt" "$work/libpcap"
    mkdir -p "$apt/lists/partial" "$apt/sources" "$work/libpcap"
    if [ -e "$system" ]; then
        sed 's/^Types: .*/Types: deb-src/' "$system" >"$apt/sources/debian.sources"
    else
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/sources/debian.list"
    fi
    local options=(-q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources"
        -o "Dir::State::Lists=$apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o APT::Sandbox::User=root)
    quietly apt.log apt-get "${options[@]}" update
    cd "$work/libpcap"
    quietly source.log apt-get "${options[@]}" source libpcap
    cd "$root"
}

configure_libpcap() {
    local source
    source=$(echo "$work"/libpcap/libpcap-*/)
    CC="python-zig cc $machine" AR="python-zig ar" RANLIB="python-zig ranlib" \
        "$source/configure" --host="${triple/-unknown/}" --disable-shared --with-pcap=linux \
        --without-libnl --disable-usb --disable-netmap --disable-bluetooth --disable-dbus --disable-rdma \
        --disable-remote --without-dag --without-snf --without-septel --without-turbocap \
        CFLAGS="-Os -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables"
}

make_libpcap() {
    libpcap=$work/$triple/libpcap
    [ ! -e "$libpcap/libpcap.a" ] || return 0
    say "$triple: libpcap"
    rm -rf "$libpcap"
    mkdir -p "$libpcap"
    cd "$libpcap"
    quietly "libpcap-$triple.log" configure_libpcap
    quietly "libpcap-$triple.log" make -j"$(nproc)" libpcap.a
    cd "$root"
}

# copy_of CRATE: makes a copy of the crate that Cargo.lock names, to be changed;
# fails where there is one already.
copy_of() {
    local from
    from=$(cargo metadata --locked --format-version 1 --features mariadb \
        --filter-platform x86_64-unknown-linux-gnu | python3 -c '
import json, sys
print(*(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == sys.argv[1]))' "$1")
    from=${from%/Cargo.toml}
    copy=$work/changed/$1
    patched+=(--config "paths=[\"$copy\"]")
    ! cmp -s "$from/Cargo.toml" "$copy/Cargo.toml" || return 1
    rm -rf "$copy"
    mkdir -p "$work/changed"
    cp -r "$from" "$copy"
}

# change FILE WANTED EXPRESSION: changes it by sed, and fails if it has not WANTED then.
change() {
    sed -i "$3" "$1"
    grep -qF "$2" "$1" || fail "$1 is not what it was: look whether it still has to be changed, and how"
}

# Two crates do not work for MIPS as they are. These overrides leave Cargo.lock alone.
change_crates() {
    # It counts in an AtomicU64, and 32-bit MIPS has none.
    if copy_of mysql_async; then
        change "$copy/src/conn/pool/waitlist.rs" 'SeqCst) as u64' 's/AtomicU64/AtomicUsize/g
            s/NEXT_QUEUE_ID\.fetch_add(1, atomic::Ordering::SeqCst)/& as u64/'
    fi
    # It reads no pcapng on a big-endian machine: the type of a block is turned
    # by the machine's order, though it was read in a given one.
    if copy_of pcap-parser; then
        change "$copy/src/endianness.rs" 'n.swap_bytes()' 's/u32::from_be(n)/n.swap_bytes()/; s/u32::from_le(n)/n/'
    fi
}

# build WHAT: by Debian's compiler, which has the source of the standard library
# in its own version. There is no library of Rust's for 32-bit MIPS, and Debian
# has none for musl, so it is built for all.
build() {
    local what=$1 name=${triple//-/_}
    local library=(-Z "build-std=std,panic_abort") chosen=(--no-default-features) command=(zigbuild --release)
    # The smallest flash: there a panic ends the daemon without a word, which procd
    # begins anew. It is no end that anybody should see.
    if [[ $triple,$what = mips*,sqlite || $triple,$what = mips*,full ]]; then
        library=(-Z build-std=std -Z panic-immediate-abort)
        export CARGO_PROFILE_RELEASE_PANIC=immediate-abort
    fi
    [ "$what" = sqlite ] || chosen=(--features mariadb-tls)
    if [ "$what" = units ]; then
        chosen=()
        # Not less checks but more: what overflows in 32 bits is found here.
        command=(test --lib --no-run --release)
        library=(-Z "build-std=std,panic_abort,test" -Z panic-abort-tests)
        export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
        export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    elif [[ $opt = [sz] ]]; then
        library+=(-Z build-std-features=optimize_for_size)
    fi
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    # Where in the source a panic was is 60 kB of a router's flash; what it was stays.
    export "CARGO_TARGET_${name^^}_RUSTFLAGS=-C target-feature=$features -C link-self-contained=no ${relocation[*]} \
--cfg libc_unstable_musl_v1_2 -Z location-detail=none -C force-unwind-tables=no"
    # musl's time has 64 bits; the libc that Rust's own library uses is told by
    # this, the one here by the line above.
    export RUST_LIBC_UNSTABLE_MUSL_V1_2_3=1
    export LIBPCAP_LIBDIR=$libpcap LIBPCAP_VER
    LIBPCAP_VER=$(cat "$work"/libpcap/libpcap-*/VERSION)
    export "CFLAGS_$name=-fno-unwind-tables -fno-asynchronous-unwind-tables ${pic[*]}"
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=$opt CARGO_PROFILE_RELEASE_STRIP=symbols
    export CARGO_TARGET_DIR=$work/cargo
    export ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig CARGO_ZIGBUILD_CACHE_DIR=$work/zigbuild
    say "$triple: weir, $what"
    quietly "$what-$triple.log" cargo-zigbuild "${command[@]}" --locked --target "$triple" \
        "${library[@]}" "${patched[@]}" "${chosen[@]}"
    local to=$work/$triple/$what made=$CARGO_TARGET_DIR/$triple/release/weir
    if [ "$what" = units ]; then
        made=$(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' "$work/log/$what-$triple.log")
    fi
    mkdir -p "$to"
    cp "$made" "$to/weir"
    [ "$what" = units ] || shorten "$to/weir"
}

# shorten FILE: leaves out what no system loads. On MIPS that is a list of all
# procedures, 220 kB, which no linker takes for symbols.
shorten() {
    python3 -c '
import struct, sys
path = sys.argv[1]
elf = bytearray(open(path, "rb").read())
order, wide = "<>"[elf[5] - 1], elf[4] == 2
phoff, = struct.unpack_from(order + "QI"[not wide], elf, 32 if wide else 28)
size, count = struct.unpack_from(order + "HH", elf, 54 if wide else 42)
place, word = (8, "Q") if wide else (4, "I")
ends = [64 if wide else 52, phoff + size * count]
for entry in range(phoff, phoff + size * count, size):
    offset, = struct.unpack_from(order + word, elf, entry + place)
    length, = struct.unpack_from(order + word, elf, entry + (32 if wide else 16))
    ends.append(offset + length)
# There are no sections any more.
struct.pack_into(order + word, elf, 40 if wide else 32, 0)
struct.pack_into(order + "HHH", elf, 58 if wide else 46, 0, 0, 0)
open(path, "wb").write(elf[: max(ends)])' "$1"
}

# weigh WHAT: prints how large it is, and fails if that is more than it may be on
# MIPS, whose flash is the smallest.
weigh() {
    local budget=BUDGET_${1^^} file=$work/$triple/$1/weir size
    size=$(stat -c %s "$file")
    say "$(printf "%s, %s: %d bytes, %d with gzip" "$triple" "$1" "$size" "$(gzip -9c "$file" | wc -c)")"
    [[ $triple = mips* ]] || return 0
    [ -z "${!budget}" ] || [ "$size" -le "${!budget}" ] ||
        fail "$triple, $1: the program has $size bytes, and $budget allows ${!budget}"
}

targets=${1:-}
[ -n "$targets" ] || fail "which target? mipsel, mips, armv7, aarch64, x86_64 or all"
shift
wanted=("$@")
[ $# -gt 0 ] || wanted=(sqlite full)
for what in "${wanted[@]}"; do
    [[ $what = sqlite || $what = full || $what = units ]] || fail "sqlite, full or units, not $what"
done
[ "$targets" != all ] || targets="mipsel mips armv7 aarch64 x86_64"
for target in $targets; do
    describe "$target"
done
make_tools
export PATH=$tools/bin:/usr/bin:$PATH
fetch_libpcap
for target in $targets; do
    describe "$target"
    make_libpcap
    [[ $target != mips* ]] || change_crates
    for what in "${wanted[@]}"; do
        # By itself: each has an environment of its own.
        (build "$what")
        [ "$what" = units ] || weigh "$what"
    done
done
