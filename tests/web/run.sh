#!/bin/bash
# Tests of the pages: run.sh [path of weir] [sample capture, or SAMPLE]
#
# Makes the same data in SQLite and in a MariaDB of its own, serves the pages
# from both, and lets pages.py look at them. Nothing of the system is used but
# the programs: php, mariadbd, python3, node and chromium.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
weir=$(realpath "${1:-$root/target/release/weir}")
sample=$(realpath "${2:-${SAMPLE:?a capture is needed: run.sh WEIR CAPTURE}}")
features=$(realpath "${FEATURES:-$root/features.txt}")
work=$(mktemp -d)
server=

finish() {
    status=$?
    if [ "$status" -ne 0 ]; then
        # What the pages themselves had to say.
        grep -hsE 'PHP |weir: |Stack' "$work/php.log" "$work/mariadb.log" | tail -n 20 || true
    fi
    if [ -n "$server" ]; then
        kill "$server" && wait "$server" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

say() { printf 'web: %s\n' "$*"; }

say "lint"
find "$root/web-ta" -name '*.php' -print0 | while IFS= read -r -d '' file; do
    php -d display_errors=1 -l "$file" >"$work/lint" || { cat "$work/lint"; exit 1; }
done

say "functions"
php -n "$here/units.php" "$root/web-ta"
php -n "$here/query_units.php" "$root/web-ta" "$root/tests/query/cases.json"

# config KIND: the daemon's configuration, with what follows on standard input.
config() {
    mkdir -p "$work/$1"
    {
        printf '[store]\nkind = "%s"\nmax_mb = 4000\nkeep_days = 36500\ndetails = true\n' "$1"
        printf '[daemon]\ncontrol = "c.sock"\nweb_info = "web.json"\nweb_password = "password"\n'
        printf '[apps]\nfeatures = "%s"\n' "$features"
        cat
    } >"$work/$1/config.toml"
    "$weir" read -c "$work/$1/config.toml" "$sample"
}

say "data in SQLite"
config sqlite <<<$'[sqlite]\npath = "w.db"'

"$weir" read -c "$work/sqlite/config.toml" --json "$sample" >"$work/eve.ndjson"

say "data in MariaDB"
socket=$work/mariadb.sock
mariadb-install-db --no-defaults --datadir="$work/mariadb.data" --auth-root-authentication-method=normal --force \
    --user="$(id -un)" >"$work/mariadb.log" 2>&1
# A server for 127.0.0.1 by its certificate; 127.0.0.2 is somebody else.
certificate() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj "/CN=$1" \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/$1.key" -out "$work/$1.pem" 2>>"$work/mariadb.log"; }
certificate server
certificate other
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mariadbd --no-defaults --user="$(id -un)" --datadir="$work/mariadb.data" --socket="$socket" \
    --bind-address=127.0.0.1,127.0.0.2 --port="$port" --ssl-cert="$work/server.pem" --ssl-key="$work/server.key" \
    --pid-file="$work/mariadb.pid" >>"$work/mariadb.log" 2>&1 &
server=$!
mariadb-admin --no-defaults -uroot -S "$socket" --wait=30 ping >>"$work/mariadb.log" 2>&1
mariadb --no-defaults -uroot -S "$socket" <<'SQL'
CREATE DATABASE weir;
CREATE USER writer@localhost IDENTIFIED BY 'w';
GRANT ALL ON weir.* TO writer@localhost;
CREATE USER pages@localhost IDENTIFIED BY 'secret-of-pages';
GRANT SELECT ON weir.* TO pages@localhost;
CREATE USER safe@'%' IDENTIFIED BY 'secret-of-pages', safe@localhost IDENTIFIED BY 'secret-of-pages' REQUIRE SSL;
GRANT SELECT ON weir.* TO safe@'%', safe@localhost;
SQL
config mariadb <<TOML
[mariadb]
socket = "$socket"
database = "weir"
user = "writer"
password = "w"
web_user = "pages"
web_password = "secret-of-pages"
TOML

# Another router that writes to the same server, and what neither's capture tells.
mariadb --no-defaults -uroot -S "$socket" <<'SQL'
CREATE DATABASE weir_barn;
GRANT ALL ON weir_barn.* TO writer@localhost;
GRANT SELECT ON weir_barn.* TO pages@localhost;
SQL
mkdir "$work/barn"
sed 's/database = "weir"/database = "weir_barn"/' "$work/mariadb/config.toml" >"$work/barn/config.toml"
"$weir" read -c "$work/barn/config.toml" "$root"/tests/cases/http-*/capture*
for router in "weir home 0" "weir_barn barn<b> 12345"; do
    read -r database name ahead <<<"$router"
    mariadb --no-defaults -uroot -S "$socket" "$database" \
        -e "INSERT INTO router VALUES ('$name', '0.1.0', 1, 2, $ahead)"
done

say "sign-in"
python3 "$here/door.py" "$weir" "$root/web-ta" "$features" "$work"

say "what people say of devices"
python3 "$here/said.py" "$weir" "$root/web-ta" "$features" "$work"

say "attacks"
python3 "$here/attacks.py" "$weir" "$root/web-ta" "$features" "$work"

say "what people change"
python3 "$here/settings.py" "$weir" "$root/web-ta" "$work"

say "volumes that are added up"
python3 "$here/summed.py" "$weir" "$root/web-ta" "$work"

say "TLS to MariaDB"
python3 "$here/tls.py" "$root/web-ta" "$port" "$work"

say "several routers"
python3 "$here/routers.py" "$root/web-ta" "$work"

# What the capture has none of: sessions that a policy stopped…
stops="INSERT INTO stop (id, time, last, policy, action, reason, device, app, host, sessions)
    SELECT id, (id - id % 2048) / 2048 * 1000, last, CASE WHEN id % 2 = 0 THEN 'bedtime' ELSE 'no video' END,
        CASE WHEN id % 3 = 0 THEN 'dry run' ELSE 'stopped' END,
        CASE WHEN id % 5 = 0 THEN 'quota' WHEN id % 7 = 0 THEN 'always' ELSE 'schedule' END, device, app, host, 1
    FROM session WHERE host IS NOT NULL ORDER BY id LIMIT 120;"
# …and what a person should know.
alerts="INSERT INTO alert (id, time, last, kind, severity, device, src, dst, port, what, list, entry, list_version, text, count)
    SELECT id, (id - id % 2048) / 2048 * 1000, last, CASE WHEN id % 2 = 0 THEN 'threat' ELSE 'scan' END, 1 + id % 3, device,
        client, server, server_port, host, CASE WHEN id % 2 = 0 THEN 'a list' END, CASE WHEN id % 2 = 0 THEN host END,
        CASE WHEN id % 2 = 0 THEN 1700000000000000 END, host, 1 + id % 5
    FROM session WHERE host IS NOT NULL ORDER BY id LIMIT 120;"
# …log-ins, and requests that could be read.
logins="INSERT INTO auth (id, time, proto, client, client_port, server, server_port, device, service, user, method,
        outcome, estimated, encrypted, client_version, server_version)
    SELECT id, (id - id % 2048) / 2048 * 1000, proto, client, client_port, server, server_port, device, CASE WHEN id % 2 = 0 THEN 'ssh' ELSE 'imap' END,
        CASE WHEN id % 5 = 0 THEN NULL ELSE 'ann' END, 'password',
        CASE WHEN id % 3 = 0 THEN 'refused' WHEN id % 4 = 0 THEN NULL ELSE 'accepted' END, id % 2, id % 2, NULL, 'a server'
    FROM session WHERE proto = 'tcp' ORDER BY id LIMIT 120;"
requests="INSERT INTO http (id, time, proto, client, client_port, server, server_port, device, host, method, uri, version,
        status, user_agent, referer, content_type, server_name, request_length, response_length)
    SELECT id, (id - id % 2048) / 2048 * 1000, proto, client, client_port, server, server_port, device, host, CASE WHEN id % 2 = 0 THEN 'GET' ELSE 'POST' END,
        '/a/path', 'HTTP/1.1', CASE WHEN id % 3 = 0 THEN 404 WHEN id % 5 = 0 THEN NULL ELSE 200 END, 'a browser', NULL,
        'text/html', 'a server', NULL, bytes_in
    FROM session WHERE proto = 'tcp' ORDER BY id LIMIT 120;"
# …messages of ICMP…
unreachables="INSERT INTO icmp (id, time, proto, src, dst, device, kind, code, meaning, session, about_proto, about_client,
        about_client_port, about_server, about_server_port, count)
    SELECT id, (id - id % 2048) / 2048 * 1000, 'icmp', server, client, device, 3, id % 4, 'unreachable: port', id, proto, client,
        client_port, server, server_port, 1
    FROM session WHERE proto = 'udp' ORDER BY id LIMIT 120;"
made="$unreachables $stops $logins $requests $alerts"
python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()' \
    "$work/sqlite/w.db" "$made"
mariadb --no-defaults -uroot -S "$socket" weir -e "$made"

say "queries"
python3 "$here/query.py" "$weir" "$root/web-ta" "$work"

say "large tables"
for kind in sqlite mariadb; do
    python3 "$root/scripts/big.py" "$weir" "$work/big-$kind" --kind "$kind" --scale 0.006 --plans "$here/speed.py" >"$work/big.log"
    grep plans: "$work/big.log"
done
mv "$work/big-sqlite" "$work/big"
sed -i 's/big-sqlite/big/g' "$work/big/web.json"

say "pages"
python3 "$here/pages.py" "$root/web-ta" "$work/sqlite/web.json" "$work/mariadb/web.json" "$work"
say "API"
python3 "$here/api.py" "$root/web-ta" "$work/sqlite/web.json" "$work/mariadb/web.json" "$work"

say "a browser"
python3 "$here/browser/run.py" "$weir" "$work/sqlite/config.toml" "$work/mariadb/config.toml"
say "all well"
