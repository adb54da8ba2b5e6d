#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of a node: turns fresh namespaces into something a kubelet is at home in.
#   node-init.sh STATE PROGRAMS HOSTNAME MARK
set -eu
state=$1 programs=$2 hostname=$3 mark=$4

# Everything below is bound from a place that stays visible while other places are covered.
mount --rbind "$state" /mnt
mount --bind "$programs" /mnt/run/bin

# /sys and /proc of the new network and pid namespaces; the cgroup tree stays the machine's.
mount --rbind /sys/fs/cgroup /mnt/cgroup
umount -R -l /sys
mount -t sysfs sysfs /sys
mount --rbind /mnt/cgroup /sys/fs/cgroup
umount -R -l /mnt/cgroup
umount -R -l /proc
mount -t proc proc /proc

# Settings of the whole machine that the kubelet wants to see are shown to it, and not changed.
cd /mnt/run/sysctl
for setting in */* */*/*; do
  if [ -f "$setting" ] && [ -e "/proc/sys/$setting" ]; then
    mount --bind "$setting" "/proc/sys/$setting"
  fi
done
cd /

# The fixed places that the container runtime, the network plug-ins and the kubelet write to.
mount --rbind /mnt/lib /var/lib
mount --rbind /mnt/varlog /var/log
mount --rbind /mnt/run /run
umount -R -l /mnt
mount --make-rshared /

hostname "$hostname"
# Holds the namespaces open and collects orphans until it gets SIGTERM.
exec /run/bin/pause mlops-localcluster "$mark"
