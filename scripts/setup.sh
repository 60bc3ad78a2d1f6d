#!/bin/bash
# Installs the Debian packages that are missing for what is named: run, test,
# bench or cross. Says nothing and asks nobody where all are there.
set -euo pipefail

# Cargo.toml says which Rust it needs.
root=$(cd "$(dirname "$0")/.." && pwd)
needed_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")

build="gcc libc6-dev libpcap-dev ca-certificates"
pages="php-cli php-sqlite3 php-mysql"
unpacked=
servers=$root/target/servers
case ${1:-} in
run) wanted="$build $pages python3 iproute2" ;;
# Servers come in packages that bring the programs without a service of the system…
test)
    wanted="$build $pages python3 tzdata iproute2 procps openssl curl bind9-dnsutils dnsmasq-base mariadb-server-core \
        mariadb-client apache2-bin ngtcp2-client openssh-client dropbear-bin redis-tools postgresql-client \
        binutils busybox nodejs shellcheck nftables iperf3 conntrack mosquitto-clients libsasl2-modules chromium"
    # Some packages of Node bring npm themselves.
    command -v npm >/dev/null || wanted="$wanted npm"
    # …and where there is none, they are unpacked and never installed: with the
    # program that tells whether it is there.
    unpacked="postgresql/postgres ngtcp2-server/gtlsserver rsyslog/rsyslogd mosquitto/mosquitto nfdump/nfcapd \
        prometheus/promtool influxdb/influxd vsftpd/vsftpd exim4-daemon-light/exim4 dovecot-core/dovecot \
        dovecot-imapd/imap dovecot-pop3d/pop3 slapd/slapd ldap-utils/ldapwhoami inetutils-telnetd/telnetd"
    ;;
bench) wanted="$build python3 libsqlite3-dev" ;;
# Debian's compiler brings the source of its standard library, in the same version.
cross)
    wanted="$build python3 python3-venv rustc-web cargo-web rust-web-src libstd-rust-web-dev \
        make flex bison dpkg-dev qemu-user-static zopfli"
    ;;
*)
    echo "usage: setup.sh run|test|bench|cross" >&2
    exit 2
    ;;
esac

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

installed() {
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed'
}

# new_enough VERSION: whether it is, for Cargo.toml.
new_enough() {
    [ -n "$1" ] && [ "$(printf '%s\n' "$needed_rust" "$1" | sort -V | head -n 1)" = "$needed_rust" ]
}

# enough_rust: whether there is a cargo that is new enough.
enough_rust() {
    # It is in the list already.
    [[ $wanted != *cargo-web* ]] || return 0
    have=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
    new_enough "$have"
}

# offers PACKAGE: whether Debian has it in a version that is new enough.
offers() {
    version=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][0-9.]*\).*/\1/p')
    new_enough "$version"
}

# unpack PACKAGE PROGRAM: below target, where the tests look; only its libraries are installed.
unpack() {
    # The name that is always the same stands for the one of this release.
    package=$(apt-cache depends "$1" | sed -n "s/^  Depends: \($1-[0-9]*\)$/\1/p")
    package=${package:-$1}
    # Some releases have the program in a package of its own.
    if [ "$2" = promtool ] && apt-cache show "$2" >/dev/null 2>&1; then package=$2; fi
    # LLVM is what PostgreSQL may do without, and scripts are for pages.
    libraries=
    for library in $(apt-cache depends "$package" | sed -n '/llvm/d; /libjs-/d; s/^  Depends: \(lib.*\)/\1/p'); do
        installed "$library" || libraries="$libraries $library"
    done
    # shellcheck disable=SC2086 # a list of words
    [ -z "$libraries" ] || as_root apt-get install -q -y --no-install-recommends $libraries
    mkdir -p "$servers"
    aside=$(mktemp -d)
    # By who runs this: apt's own user may not write there.
    (cd "$aside" && apt-get download -q -o APT::Sandbox::User=root "$package" && dpkg-deb -x ./*.deb "$servers")
    rm -r "$aside"
}

# What drives the browser, in the versions and by the hashes of the lock.
browser_modules() {
    from=$root/tests/web/browser
    to=$root/target/browser
    if [ -d "$to/node_modules" ] && cmp -s "$from/package-lock.json" "$to/package-lock.json"; then return; fi
    mkdir -p "$to"
    cp "$from/package.json" "$from/.npmrc" "$to/"
    (cd "$to" && cp "$from/package-lock.json" . && npm ci --loglevel=error) || { rm -f "$to/package-lock.json"; return 1; }
}

missing=
for package in $wanted; do
    installed "$package" || missing="$missing $package"
done
packed=
for server in $unpacked; do
    at=$(find /usr/sbin /usr/bin /usr/lib/postgresql "$servers" -name "${server#*/}" -print -quit 2>/dev/null || true)
    [ -n "$at" ] || packed="$packed $server"
done
lints=
if [ "$1" = test ] && ! { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1; then
    lints=yes
fi
if enough_rust && [ -z "$missing$lints$packed" ]; then
    [ "$1" != test ] || browser_modules
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian: please install$missing and Rust $needed_rust or newer" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
as_root apt-get update -q

if ! enough_rust || { [ -n "$lints" ] && [ -z "$(command -v rustup)" ]; }; then
    # Stable releases keep a newer Rust, for browsers, under other names.
    if offers rustc; then
        missing="$missing rustc cargo"
        [ "$1" != test ] || missing="$missing rust-clippy rustfmt"
    elif offers rustc-web; then
        missing="$missing rustc-web cargo-web"
        [ "$1" != test ] || missing="$missing rust-web-clippy rustfmt-web"
    else
        echo "setup: Debian has no Rust $needed_rust here; please install it by rustup" >&2
        exit 1
    fi
elif [ -n "$lints" ]; then
    rustup component add clippy rustfmt
fi
# shellcheck disable=SC2086 # a list of words
[ -z "$missing" ] || as_root apt-get install -q -y --no-install-recommends $missing
for server in $packed; do
    unpack "${server%/*}" "${server#*/}"
done
[ "$1" != test ] || browser_modules
