# shellcheck shell=sh
# From /etc/config/weir to the daemon's own config.toml. Sourced by
# /etc/init.d/weir, which has functions.sh and network.sh loaded.

# A table of config.toml, a setting in it, and what it is. What is not here
# the daemon is told otherwise: interfaces, and where its files are.
WEIR_SETTINGS="
capture source text
capture head_packets number
capture nflog_group number
capture dump_every text
capture max_flows number
capture filter text
capture snaplen number
capture buffer text
capture promiscuous bool
capture tunnels list
capture max_datagrams number
capture max_fragment_bytes text
sessions max_sessions number
sessions tcp_timeout text
sessions tcp_handshake_timeout text
sessions tcp_over_timeout text
sessions udp_timeout text
sessions report_after text
sessions report_every text
sessions max_streams number
sessions max_stream_bytes text
sessions max_stream_side text
sessions max_devices number
devices leases text
dns max_questions number
dns question_timeout text
dns max_names number
dns name_timeout text
apps max_features number
apps app_timeout text
apps max_uses number
services which text
services deep bool
services dedup text
services max_services number
places country text
places asn text
places max_places number
store kind text
store max_queue number
store batch number
store details bool
store delay text
store keep_days number
store max_mb number
store write_budget number
rollup minutes text
rollup hours text
rollup days text
rollup months text
rollup max_pairs number
rollup share number
sqlite copy_every text
mariadb host text
mariadb port number
mariadb socket text
mariadb database text
mariadb user text
mariadb password text
mariadb ca text
mariadb timeout text
mariadb web_user text
mariadb web_password text
export enabled bool
export folder text
export max_mb number
export file_mb number
export snaplen number
export devices list
export apps list
export filter text
export first_packets number
export max_waiting text
blocking enabled bool
blocking way text
blocking reset_interface text
blocking max_resets number
blocking mark number
metrics listen text
metrics max_series number
threats max_entries number
threats max_memory text
threats look_back text
alerts enabled bool
alerts per_device number
alerts per_minute number
alerts logins number
alerts logins_span text
alerts scan_ports number
alerts scan_hosts number
alerts scan_span text
alerts syn_rate number
alerts udp_rate number
alerts icmp_rate number
alerts arp_rate number
alerts tunnel_names number
alerts tunnel_bytes number
alerts tunnel_span text
alerts tunnel_except list
alerts webhook text
alerts webhook_template text
alerts webhook_type text
alerts webhook_queue number
alerts webhook_timeout text
daemon log text
daemon name text
daemon health_every text
daemon backups number
"

# What an [[out]] can have besides its name. None of it has a default here: a
# kind takes only what is its own.
WEIR_OUT="
kind text
max_queue number
path text
types list
status list
rotate_size text
rotate_every text
keep number
compress bool
server text
transport text
framing text
header text
facility text
tag text
form text
deep bool
url text
org text
bucket text
token text
token_file text
db text
user text
password text
password_file text
client_id text
topic text
discovery text
qos number
away_after text
domain number
"

# Init scripts of programs that take connections over and make them anew.
WEIR_PROXIES="clash dae daed homeproxy mihomo nikki openclash passwall passwall2 redsocks shadowsocksr sing-box v2raya xray"

# toml_text VALUE: as a string of TOML, whatever is in it. By the environment,
# because awk reads escapes in -v.
toml_text() {
	WEIR_VALUE=$1 LC_ALL=C awk 'BEGIN {
		for (n = 1; n < 32; n++) code[sprintf("%c", n)] = n
		code[sprintf("%c", 127)] = 127
		text = ENVIRON["WEIR_VALUE"]
		out = ""
		for (at = 1; at <= length(text); at++) {
			char = substr(text, at, 1)
			if (char == "\\" || char == "\"") out = out "\\" char
			else if (char in code) out = out sprintf("\\u%04X", code[char])
			else out = out char
		}
		printf "\"%s\"", out
	}'
}

# toml_number VALUE: as it is when it is one. Otherwise as a string, so that
# the daemon tells what is wrong with it.
toml_number() {
	case "$1" in
	'' | *[!0-9]*) toml_text "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

toml_bool() {
	case "$1" in
	1 | on | true | yes | enabled) printf true ;;
	0 | off | false | no | disabled) printf false ;;
	*) toml_text "$1" ;;
	esac
}

# weir_each SECTION OPTION FUNCTION: for each of a list, or of the words of an
# option where somebody wrote one instead.
weir_each() {
	local count word words

	config_get count "$1" "${2}_LENGTH" 0
	if [ "$count" != 0 ]; then
		config_list_foreach "$1" "$2" "$3"
		return
	fi
	config_get words "$1" "$2"
	# A name is no pattern.
	set -f
	for word in $words; do
		"$3" "$word"
	done
	set +f
}

weir_list_item() {
	[ "$1" = none ] && return
	printf '%s' "$weir_comma"
	toml_text "$1"
	weir_comma=', '
}

# toml_list SECTION OPTION: what is in the list, without "none".
toml_list() {
	local weir_comma=''

	printf '['
	weir_each "$1" "$2" weir_list_item
	printf ']'
}

# weir_own FOLDER: it, without a slash at its end; fails when that is no path
# which a script may go by, or a folder of the system's: it is given away to
# the daemon.
weir_own() {
	local folder="$1"

	# With a slash at its end it would be another name to who mounts it.
	while [ "${folder%/}" != "$folder" ]; do folder=${folder%/}; done
	case "$folder" in
	*[!A-Za-z0-9_./-]* | *//* | */. | */.. | */./* | */../*) return 1 ;;
	/bin/* | /dev/* | /etc/* | /lib/* | /proc/* | /rom/* | /sbin/* | /sys/* | /usr/* | /var/run/*) return 1 ;;
	/?*/?*) echo "$folder" ;;
	*) return 1 ;;
	esac
}

# weir_folder: sets FOLDER, where the database lies, and COPY, where its copy
# does, if there is to be one.
weir_folder() {
	local folder

	FOLDER=
	config_get folder storage folder /var/lib/weir
	config_get COPY storage copy
	folder=$(weir_own "$folder") || return 1
	[ -z "$COPY" ] || COPY=$(weir_own "$COPY") || return 1
	[ "$COPY" != "$folder" ] || return 1
	FOLDER=$folder
}

# weir_export: sets EXPORT, the folder of the packets that are kept, where some are;
# fails when it is none of Weir's own.
weir_export() {
	local enabled folder

	EXPORT=
	config_get_bool enabled export enabled 0
	[ "$enabled" = 1 ] || return 0
	config_get folder export folder /tmp/weir/pcap
	folder=$(weir_own "$folder") || return 1
	# shellcheck disable=SC2010 # names that are none of Weir's, whatever they are
	! ls -A "$folder" 2> /dev/null | grep -qv '^weir-.*\.pcapng$' || return 1
	EXPORT=$folder
}

# weir_mount FOLDER: the device that it lies on, and where that is mounted. It
# may not be there yet.
weir_mount() {
	local path="$1"

	while [ ! -d "$path" ]; do
		path=${path%/*}
		[ -n "$path" ] || path=/
	done
	df -P "$path" | awk 'NR == 2 { print $1, $6 }'
}

# weir_storage FOLDER: "memory" where a restart takes it away, "flash" where
# writing wears the router's own memory out, or "disk".
weir_storage() {
	local mount

	mount=$(weir_mount "$1")
	case "$mount" in
	tmpfs\ * | ramfs\ *) echo memory ;;
	overlayfs* | /dev/root* | /dev/mtd* | /dev/ubi* | ubi* | mtd* | *\ / | *\ /overlay) echo flash ;;
	*) echo disk ;;
	esac
}

weir_unmounted_one() {
	local target

	config_get target "$1" target
	target=${target%/}
	[ -n "$target" ] || return
	case "$2/" in
	"$target"/*) grep -q "^[^ ]* $target " /proc/mounts || echo "$target" ;;
	esac
}

# weir_unmounted FOLDER: the file systems of /etc/config/fstab that it would
# lie on and that are not mounted.
weir_unmounted() {
	# In a shell of its own, as it loads another file.
	(
		config_load fstab 2> /dev/null
		config_foreach weir_unmounted_one mount "$1"
	)
}

# weir_cap MEGABYTES: what a database in memory may take.
weir_cap() {
	local eighth

	eighth=$(awk '/^MemTotal:/ { print int($2 / 1024 / 8) }' /proc/meminfo)
	[ "${eighth:-0}" -ge 4 ] || eighth=4
	if [ "$1" -gt "$eighth" ] 2> /dev/null; then echo "$eighth"; else echo "$1"; fi
}

weir_network() {
	local device

	# Its device while it is up. A bridge has one by its settings too.
	network_get_device device "$1" || device=$(uci -q get "network.$1.device") || {
		weir_absent="$weir_absent $1"
		return
	}
	weir_device "$device"
}

weir_device() {
	case "$weir_devices" in
	*"|$1|"*) ;;
	*)
		weir_devices="$weir_devices$1|"
		weir_interfaces="$weir_interfaces${weir_interfaces:+, }$(toml_text "$1")"
		;;
	esac
}

# weir_find_interfaces: sets weir_interfaces for TOML and weir_absent, the
# networks that are not up.
weir_find_interfaces() {
	local weir_devices='|'

	weir_interfaces=
	weir_absent=
	weir_each main network weir_network
	weir_each main device weir_device
}

# weir_setting TABLE SETTING KIND STORAGE: its line, if it is set. By printf:
# an echo may read escapes.
weir_setting() {
	local value

	if [ "$3" = list ]; then
		config_get value "$1" "$2"
		[ -z "$value" ] || printf '%s = %s\n' "$2" "$(toml_list "$1" "$2")"
		return
	fi
	config_get value "$1" "$2"
	[ "$4/$1/$2" != memory/store/max_mb ] || value=$(weir_cap "${value:-16}")
	[ -n "$value" ] || return
	printf '%s = %s\n' "$2" "$("toml_$3" "$value")"
}

# weir_toml FOLDER: config.toml by the sections that config_load read, and COPY.
weir_toml() {
	local table='' in setting kind storage

	storage=$(weir_storage "$1")
	echo "# Made from /etc/config/weir whenever Weir is started or reloaded."
	echo "$WEIR_SETTINGS" | while read -r in setting kind; do
		[ -n "$in" ] || continue
		if [ "$in" != "$table" ]; then
			table=$in
			echo "[$table]"
			case "$table" in
			capture) printf 'interfaces = [%s]\n' "$weir_interfaces" ;;
			apps) echo 'features = "/etc/weir/features.txt"' ;;
			devices) [ ! -e /usr/share/weir/oui.bin ] || echo 'vendors = "/usr/share/weir/oui.bin"' ;;
			sqlite)
				echo "path = $(toml_text "$1/weir.db")"
				[ -z "$COPY" ] || echo "copy = $(toml_text "$COPY/weir.db")"
				;;
			daemon)
				echo 'control = "/var/run/weir/control.sock"'
				echo 'web_info = "/var/run/weir/web.json"'
				;;
			esac
		fi
		weir_setting "$in" "$setting" "$kind" "$storage"
	done
	config_foreach weir_policy policy
	config_foreach weir_out out
	config_foreach weir_threat threat
}

# weir_policy SECTION: a policy, unless it is switched off.
weir_policy() {
	local enabled name setting

	config_get_bool enabled "$1" enabled 1
	[ "$enabled" = 1 ] || return 0
	config_get name "$1" name "$1"
	echo '[[policy]]'
	printf 'name = %s\n' "$(toml_text "$name")"
	for setting in devices apps classes hosts times; do
		weir_setting "$1" "$setting" list
	done
	weir_setting "$1" quota text
	weir_setting "$1" dry_run bool
}

# weir_threat SECTION: a list of what is bad, unless it is switched off.
weir_threat() {
	local enabled name

	config_get_bool enabled "$1" enabled 1
	[ "$enabled" = 1 ] || return 0
	config_get name "$1" name "$1"
	echo '[[threat]]'
	printf 'name = %s\n' "$(toml_text "$name")"
	weir_setting "$1" path text
	weir_setting "$1" severity number
}

# weir_out SECTION: a further way out, unless it is switched off.
weir_out() {
	local enabled name setting kind

	config_get_bool enabled "$1" enabled 1
	[ "$enabled" = 1 ] || return 0
	config_get name "$1" name "$1"
	echo '[[out]]'
	printf 'name = %s\n' "$(toml_text "$name")"
	echo "$WEIR_OUT" | while read -r setting kind; do
		[ -z "$setting" ] || weir_setting "$1" "$setting" "$kind"
	done
}

# weir_out_paths SECTION: adds to OUTS the folder of its own that an out writes to,
# and to SECRETS the files that a password or a token is in.
weir_out_paths() {
	local enabled way path folder option

	config_get_bool enabled "$1" enabled 1
	[ "$enabled" = 1 ] || return 0
	config_get way "$1" kind
	config_get path "$1" path
	if [ "$way" = eve ] && folder=$(weir_own "${path%/*}"); then OUTS="$OUTS $folder"; fi
	for option in password_file token_file; do
		config_get path "$1" "$option"
		case "$path" in
		/*[!A-Za-z0-9_./-]*) ;;
		/*) SECRETS="$SECRETS $path" ;;
		esac
	done
}

# weir_outs: sets OUTS and SECRETS.
weir_outs() {
	OUTS=
	SECRETS=
	config_foreach weir_out_paths out
}

weir_is_on() {
	set -- /etc/rc.d/S??"$1"
	[ -e "$1" ]
}

# weir_doubts FOLDER: what makes the figures doubtful, a word or two a line.
weir_doubts() {
	local name

	if [ "$(uci -q get 'firewall.@defaults[0].flow_offloading')" = 1 ]; then
		if [ "$(uci -q get 'firewall.@defaults[0].flow_offloading_hw')" = 1 ]; then
			echo offload_hw
		else
			echo offload
		fi
	fi
	! weir_is_on nlbwmon || echo nlbwmon
	for name in $WEIR_PROXIES; do
		! weir_is_on "$name" || echo "proxy $name"
	done
	[ "$(weir_storage "$1")" != flash ] || echo flash
}

# weir_doubt WORD [NAME]: a doubt as a sentence for the log.
weir_doubt() {
	case "$1" in
	offload_hw) echo "hardware flow offloading is on: most packets of long connections are not seen, volumes are far too low" ;;
	offload) echo "flow offloading is on: packets of established connections may not be seen, volumes may be too low" ;;
	nlbwmon) echo "nlbwmon counts as well, by the kernel's connections: its volumes and Weir's differ" ;;
	proxy) echo "$2 takes connections over: what it forwards may be counted as the router's own" ;;
	flash) echo "the database is in the router's flash, which writing wears out: see storage in /etc/config/weir" ;;
	esac
}
