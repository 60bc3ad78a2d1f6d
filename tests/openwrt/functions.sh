# shellcheck shell=sh
# What the init scripts use of OpenWrt's functions, for tests: settings come
# from the file $CONFIG, and what procd is told is printed.

config_load() {
	# shellcheck disable=SC1090
	[ "$1" != weir ] || . "$CONFIG"
}

config_get() {
	eval "$1=\${CONFIG_${2}_${3}:-\$4}"
}

config_get_bool() {
	local value

	config_get value "$2" "$3" "$4"
	case "$value" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$4" ;;
	esac
}

config_list_foreach() {
	local item count number=1

	config_get count "$1" "${2}_LENGTH" 0
	while [ "$number" -le "$count" ]; do
		config_get item "$1" "${2}_ITEM$number"
		"$3" "$item"
		number=$((number + 1))
	done
}

# Sections of a type are named by SECTIONS_type.
config_foreach() {
	local section

	for section in $(eval "echo \"\$SECTIONS_$2\""); do
		"$1" "$section"
	done
}

network_get_device() {
	[ "$2" = lan ] && eval "$1=br-lan"
}

network_get_ipaddrs() { eval "$1=192.168.1.1"; }
network_get_ipaddrs6() { eval "$1=fd00::1"; }

uci() {
	local pair

	for pair in $UCI; do
		[ "${pair%%=*}" != "$3" ] || {
			echo "${pair#*=}"
			return
		}
	done
	return 1
}

logger() {
	shift 4
	echo "log $*"
}

procd_running() { [ -n "$RUNNING" ]; }
procd_open_instance() { :; }
procd_close_instance() { :; }
procd_set_param() { echo "procd $*"; }
procd_append_param() { echo "procd $*"; }
procd_add_jail() { echo "jail $*"; }
procd_add_jail_mount() { echo "jail_mount $*"; }
procd_add_jail_mount_rw() { echo "jail_mount_rw $*"; }
start() { echo start; }
stop() { echo stop; }
