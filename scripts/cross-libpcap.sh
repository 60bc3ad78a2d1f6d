#!/bin/bash
# libpcap for cross.toml: run by `cross` as root while it makes the image, where
# the environment has the prefix of the cross compiler. Nobody runs it by hand.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/sources.list
apt-get update -q
apt-get install -q -y --no-install-recommends dpkg-dev make flex bison
mkdir /opt/libpcap /tmp/libpcap
cd /tmp/libpcap
apt-get source -q libpcap
cd libpcap-*/
CC=${CROSS_TOOLCHAIN_PREFIX}gcc AR=${CROSS_TOOLCHAIN_PREFIX}ar RANLIB=${CROSS_TOOLCHAIN_PREFIX}ranlib \
    ./configure --host="${CROSS_TOOLCHAIN_PREFIX%-}" --disable-shared --with-pcap=linux --without-libnl --disable-usb \
    --disable-netmap --disable-bluetooth --disable-dbus --disable-rdma --disable-remote --without-dag --without-snf
make libpcap.a
cp libpcap.a /opt/libpcap/
