#!/bin/sh

case "$1" in
weir | weir-mariadb)
	weir --version | grep -F "$2" || exit 1
	# What is shipped has no mistake in it.
	weir check --features /etc/weir/features.txt || exit 1
	;;
weir-web)
	# Opened by itself, a part of the pages shows nothing.
	php-cgi -v > /dev/null || exit 1
	[ -s /usr/share/weir/web-ta/index.php ] || exit 1
	;;
esac
