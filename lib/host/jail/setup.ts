/**
 * What runs as the first process of a jail that is made with `unshare`, as root of its own
 * namespaces: builds a new root out of what it is told, leaves the old one, gives up every right,
 * and stays as process 1 until the program has ended. When it goes, everything in the jail goes.
 *
 * Arguments: folder for the new root, bytes of `/tmp`, working folder, `UID:GID` of the program if
 * we are root, `root` or `user`, with `-watch` where the program keeps the right to read the
 * packets of its own network. Then triples `place PATH AT`, `link TARGET AT`,
 * `overlay OPTIONS AT`, `net loopback -` or `net everything -`, and `lock - -`, after which all
 * that was placed before is read-only and `/tmp` is there. Then `--` and the program. No argument
 * is ever part of the text that the shell reads.
 */
export const setupScript = `
set -eu
umask 022
root=$1 tmp=$2 cwd=$3 who=$4 mode=$5
shift 5
mount -t tmpfs -o nosuid,nodev,mode=0755,size=4m jail "$root"
place() {
  if [ -d "$1" ]; then at=$2; else at=\${2%/*}; fi
  [ -d "$root$at" ] || mkdir -p "$root$at"
  # never open what is there: it is somebody's file, shown
  [ -e "$root$2" ] || : > "$root$2"
  mount --rbind "$1" "$root$2"
}
# every destination is local then: nothing leaves, and all of it passes the one interface
net() {
  ip link set lo up
  [ "$1" = everything ] || return 0
  ip route add local 0.0.0.0/0 dev lo
  [ ! -d /proc/sys/net/ipv6 ] || ip -6 route add local ::/0 dev lo
}
# a bind takes what is mounted below along, and each of those has flags of its own
lock() {
  table=$(cat /proc/self/mountinfo)
  while read -r _ _ _ _ at options _; do
    case $at in *\\*) at=$(printf %b "$at") ;; esac
    case $at in "$root"/*) mount -o "remount,bind,ro\${options#r?}" "$at" ;; esac
  done <<TABLE
$table
TABLE
}
while [ "$1" != -- ]; do
  case $1 in
  place) place "$2" "$3" ;;
  link)
    mkdir -p "$root\${3%/*}"
    ln -s "$2" "$root$3"
    ;;
  overlay)
    mkdir -p "$root$3"
    mount -t overlay -o "$2" overlay "$root$3"
    ;;
  net) net "$2" ;;
  lock)
    lock
    mkdir -p "$root/tmp"
    mount -t tmpfs -o "nosuid,nodev,mode=1777,size=$tmp" tmp "$root/tmp"
    ;;
  esac
  shift 3
done
shift
mkdir -p "$root/proc" "$root/dev" "$root/.old"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
case $mode in *-watch) echo 0 > "$root/proc/sys/net/ipv4/ip_unprivileged_port_start" ;; esac
for name in null zero full random urandom; do
  : > "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
mount -o remount,bind,ro,nosuid,nodev /
cd "$cwd"
case $mode in
user) set -- unshare --user --map-user=65534 --map-group=65534 setpriv --no-new-privs "$@" ;;
root) set -- setpriv --reuid="\${who%:*}" --regid="\${who#*:}" --clear-groups --inh-caps=-all \\
  --bounding-set=-all --no-new-privs "$@" ;;
# setfcap: without it nobody in here could be made another user of a namespace of its own
user-watch) set -- setpriv --inh-caps=-all,+net_raw,+setfcap --no-new-privs \\
  --bounding-set=-all,+net_raw,+setfcap "$@" ;;
root-watch) set -- setpriv --reuid="\${who%:*}" --regid="\${who#*:}" --clear-groups \\
  --no-new-privs --inh-caps=-all,+net_raw \\
  --ambient-caps=-all,+net_raw --bounding-set=-all,+net_raw "$@" ;;
esac
"$@" && exit 0 || exit $?
`
