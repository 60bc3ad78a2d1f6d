#!/bin/bash
# Builds Weir, feeds it by an interface or a capture file, and serves the pages
# until Ctrl-C. See the Makefile for what can be set. Everything it writes is
# below target/run.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
: "${IFACE:=}" "${PCAP:=}" "${BIND:=127.0.0.1}" "${PORT:=8080}"
# Paths are relative to where the user stands.
if [ -n "$PCAP" ] && [ "$PCAP" != sample ] && ! PCAP=$(realpath -e -- "$PCAP" 2>/dev/null); then
    echo "run: there is no such capture file; PCAP=sample makes one" >&2
    exit 1
fi
cd "$root"

say() { printf '\033[1mrun:\033[0m %s\n' "$*"; }

scripts/setup.sh run
say "building"
cargo build --release --locked
weir=$root/target/release/weir
work=$root/target/run
mkdir -p "$work"

# Each child leads a group of its own: PHP's server does not end its workers.
set -m
children=()
finish() {
    trap '' INT TERM
    for child in "${children[@]}"; do
        kill -- "-$child" 2>/dev/null || true
    done
    # Bash would tell who was killed.
    exec 2>/dev/null
    # The daemon writes the sessions that are open.
    wait
    # PHP's workers are nobody's children by now, and end when they get to it;
    # two seconds is for where nothing collects the dead.
    for child in "${children[@]}"; do
        for _ in {1..20}; do
            kill -0 -- "-$child" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL -- "-$child" 2>/dev/null || true
    done
}
trap finish EXIT
trap 'echo; say "stopping"; exit 0' INT TERM

# may_capture: gives the program the right to, if this user may; see capabilities(7).
may_capture() {
    [ "$(id -u)" -eq 0 ] && return
    getcap "$weir" 2>/dev/null | grep -q cap_net_raw && return
    command -v setcap >/dev/null && sudo -n setcap cap_net_raw,cap_net_admin=eip "$weir" 2>/dev/null
}

default_route() { ip -o route show default; ip -o -6 route show default; }

if [ -z "$PCAP$IFACE" ]; then
    if [ -z "$(default_route)" ]; then
        say "there is no default route, so here is a made sample; IFACE=… captures from an interface"
        PCAP=sample
    elif ! may_capture; then
        say "this user may not capture, so here is a made sample; for the real thing: sudo make run"
        PCAP=sample
    fi
elif [ -n "$IFACE" ] && [ -z "$PCAP" ]; then
    may_capture || true
fi

# config NAME KEEP_DAYS: a configuration for this run, with what is on standard input.
config() {
    cat >"$work/$1.toml" <<TOML
[apps]
features = "$root/features.txt"
[devices]
vendors = "$root/oui.bin"
labels = "$work/devices.toml"
[store]
keep_days = $2
max_mb = 4000
[sqlite]
path = "$work/$1.db"
[daemon]
control = "$work/$1.sock"
web_info = "$work/$1.json"
web_password = "$work/password"
TOML
    cat >>"$work/$1.toml"
}

if [ -n "$PCAP" ]; then
    name=replay
    if [ "$PCAP" = sample ]; then
        PCAP=$work/sample.pcap
        say "making a day of a household"
        python3 scripts/sample.py --hours 24 "$PCAP"
    fi
    rm -f "$work/$name.db" "$work/$name.db-wal" "$work/$name.db-shm"
    # A capture may be years old.
    config "$name" 36500 </dev/null
    say "reading $PCAP"
    # What a damaged capture gave is shown all the same.
    "$weir" read -c "$work/$name.toml" "$PCAP" || say "not all of it could be read, see above"
    [ -e "$work/$name.db" ] || exit 1
    # Who is elsewhere has to sign in, and who changes something, which takes
    # somebody to ask.
    "$weir" door -c "$work/$name.toml" &
    children+=("$!")
else
    name=live
    list=$(printf '"%s",' $IFACE)
    config "$name" 30 <<TOML
[capture]
interfaces = [${IFACE:+$list}]
TOML
    rm -f "$work/$name.json"
    "$weir" run -c "$work/$name.toml" &
    daemon=$!
    children+=("$daemon")
    # The file is there when the capture is.
    until [ -e "$work/$name.json" ]; do
        kill -0 "$daemon" 2>/dev/null || { wait "$daemon"; exit $?; }
        sleep 0.1
    done
fi

listens() { (exec 3<>"/dev/tcp/$BIND/$1") 2>/dev/null; }

# The next port that is free: somebody may use this one.
for port in $(seq "$PORT" $((PORT + 20))); do
    listens "$port" || break
done
WEIR_WEB=$work/$name.json PHP_CLI_SERVER_WORKERS=4 \
    php -d display_errors=0 -d post_max_size=64K -S "$BIND:$port" -t web-ta >"$work/php.log" 2>&1 &
pages=$!
children+=("$pages")
until listens "$port"; do
    kill -0 "$pages" 2>/dev/null || { cat "$work/php.log" >&2; exit 1; }
    sleep 0.1
done
say "open http://$BIND:$port/ (Ctrl-C stops everything)"
case "$BIND" in
127.* | localhost | ::1) ;;
*)
    if [ ! -e "$work/password" ]; then
        say "others first have to set a password: by the code above, or $weir passwd -c $work/$name.toml"
    fi
    ;;
esac
# Whichever ends by itself takes the other with it.
status=0
wait -n || status=$?
say "something ended by itself; the pages' log is $work/php.log"
exit "$status"
