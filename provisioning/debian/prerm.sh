#!/bin/sh
# Before removal: stop in order. A lesson that is being recorded is ended and kept. An upgrade stops nothing.
set -eu

[ "$1" = remove ] || exit 0
[ -d /run/systemd/system ] || exit 0
case $DPKG_MAINTSCRIPT_PACKAGE in
    darsbox-room)
        deb-systemd-invoke stop darsbox-update.timer darsbox-update.service darsbox-update-settle.service
        deb-systemd-invoke stop darsbox.target darsbox-kiosk.service darsbox-sync.service darsbox-room.service
        ;;
    darsbox-server) deb-systemd-invoke stop darsbox-worker.service darsbox-server.service ;;
esac
