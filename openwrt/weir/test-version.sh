#!/bin/sh

case "$1" in
weir | weir-mariadb) weir --version | grep -F "$2" ;;
# Pages have no program that could tell a version.
weir-web) exit 0 ;;
esac
