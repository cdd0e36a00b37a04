#!/usr/bin/env bash
# Run a command where a private pcscd with vsmartcard's vpcd is there for it alone:
#     test/system/with-reader.sh COMMAND [ARG...]
# The command finds MM_LINK=vpcd in its environment. Namespaces of its own (mount, network, process)
# keep it apart from a pcscd that may run on this machine, and no process outlives it. Root is used
# when it is there, then sudo, then a user namespace; where none of them works the command runs with
# MM_LINK=tcp, which plays the same over the chip's TCP link.
set -u

if [ "${1:-}" = --inside ]; then
    shift
    ip link set lo up || exit 1
    mount -t tmpfs tmpfs /run && mkdir -p /run/pcscd || exit 1
    pcscd --foreground >"$MM_PCSCD_LOG" 2>&1 &
    pcscd_pid=$!
    for _ in $(seq 200); do
        if [ -S /run/pcscd/pcscd.comm ]; then break; fi
        kill -0 "$pcscd_pid" 2>/dev/null || break
        sleep 0.02
    done
    if [ ! -S /run/pcscd/pcscd.comm ]; then
        echo "with-reader: pcscd did not start; its log:" >&2
        cat "$MM_PCSCD_LOG" >&2
        exit 1
    fi
    export MM_LINK=vpcd MM_PCSCD_PID=$pcscd_pid
    "$@"
    exit $?
fi

if [ "$#" -eq 0 ]; then
    echo "usage: with-reader.sh COMMAND [ARG...]" >&2
    exit 2
fi

MM_PCSCD_LOG=$(mktemp "${TMPDIR:-/tmp}/mintmark-pcscd.XXXXXX")
export MM_PCSCD_LOG
trap 'rm -f "$MM_PCSCD_LOG"' EXIT
spaces=(--mount --net --pid --fork --kill-child --mount-proc)

if [ -x /usr/sbin/pcscd ] && [ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ]; then
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
fi
echo "# pcscd with vpcd cannot be started here (no root, no sudo, no namespaces): TCP link instead"
export MM_LINK=tcp
"$@"
