#!/usr/bin/env bash
# Run a command where a pcscd with vsmartcard's vpcd is there for it:
#     test/system/with-reader.sh COMMAND [ARG...]
# The command finds MM_LINK=vpcd in its environment, and MM_PCSCD_PID when that pcscd is ours.
#
# First choice are namespaces of its own (mount, network, process), as root, through sudo, or in a user
# namespace: they keep it apart from a pcscd that may run on this machine, and no process outlives it.
# Where there are none (in a chroot, say), root starts pcscd in the open if none runs; one that runs
# already and has an empty virtual reader is used as it is. Where nothing of this works the command runs
# with MM_LINK=tcp, which plays the same over the chip's TCP link.
set -u

# start_pcscd: in the background; sets MM_PCSCD_PID when it is up.
start_pcscd() {
    local pid
    pcscd --foreground >"$MM_PCSCD_LOG" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        if ! kill -0 "$pid" 2>/dev/null; then return 1; fi
        if grep -q 'daemon ready' "$MM_PCSCD_LOG" || [ -S /run/pcscd/pcscd.comm ]; then
            export MM_PCSCD_PID=$pid
            return 0
        fi
        sleep 0.02
    done
    kill "$pid"
    return 1
}

if [ "${1:-}" = --inside ]; then
    shift
    ip link set lo up || exit 1
    mount -t tmpfs tmpfs /run && mkdir -p /run/pcscd || exit 1
    if ! start_pcscd; then
        echo "with-reader: pcscd did not start; its log:" >&2
        cat "$MM_PCSCD_LOG" >&2
        exit 1
    fi
    export MM_LINK=vpcd
    "$@"
    exit $?
fi

if [ "$#" -eq 0 ]; then
    echo "usage: with-reader.sh COMMAND [ARG...]" >&2
    exit 2
fi

MM_PCSCD_LOG=$(mktemp "${TMPDIR:-/tmp}/mintmark-pcscd.XXXXXX")
export MM_PCSCD_LOG
PATH=$PATH:/usr/sbin:/sbin
trap 'rm -f "$MM_PCSCD_LOG"' EXIT
spaces=(--mount --net --pid --fork --kill-child --mount-proc)
driver=$(find /usr/lib/pcsc/drivers /usr/lib/*/pcsc/drivers -name 'libifdvpcd*' 2>/dev/null | head -n 1)

if [ -n "$driver" ] && command -v pcscd >/dev/null; then
    if [ "$(id -u)" = 0 ] && unshare "${spaces[@]}" true 2>/dev/null; then
        unshare "${spaces[@]}" "$0" --inside "$@"
        exit $?
    fi
    if sudo -n unshare "${spaces[@]}" true 2>/dev/null; then
        sudo -n --preserve-env unshare "${spaces[@]}" "$0" --inside "$@"
        exit $?
    fi
    if unshare --user --map-root-user "${spaces[@]}" true 2>/dev/null; then
        unshare --user --map-root-user "${spaces[@]}" "$0" --inside "$@"
        exit $?
    fi
    if opensc-tool -l 2>/dev/null | grep -qE '^0 +No .*Virtual PCD 00 00'; then
        echo "# with the pcscd that runs on this machine"
        MM_LINK=vpcd "$@"
        exit $?
    fi
    if [ "$(id -u)" = 0 ] && mkdir -p /run/pcscd && [ ! -S /run/pcscd/pcscd.comm ] && start_pcscd; then
        MM_LINK=vpcd "$@"
        status=$?
        kill "$MM_PCSCD_PID" && wait "$MM_PCSCD_PID" 2>/dev/null
        exit "$status"
    fi
fi
echo "# pcscd with vpcd cannot be started here (no root, no sudo, no namespaces): TCP link instead"
export MM_LINK=tcp
"$@"
