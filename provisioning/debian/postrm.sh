#!/bin/sh
# After removal: the slots go with the last of the two packages. A purge takes the configuration as well. Recordings, keys
# and the server's lessons are never removed here: a package must not be able to lose a lesson.
set -eu

part=${DPKG_MAINTSCRIPT_PACKAGE#darsbox-}
case $part in
    room)
        other=darsbox-server
        units="darsbox-room.service darsbox-sync.service darsbox-kiosk.service darsbox-update-settle.service darsbox-update.timer darsbox.target"
        config="/etc/darsbox/room.toml /etc/darsbox/update-root.json /etc/darsbox/darsbox-enrol.json"
        kept=/var/lib/darsbox/spool
        what="Lessons and the room's key"
        ;;
    server)
        other=darsbox-room
        units="darsbox-server.service darsbox-worker.service"
        config=/etc/darsbox/server.env
        kept=/var/lib/darsbox/server
        what="The server's lessons, database and keys"
        ;;
esac

case $1 in
    remove | purge)
        case $(dpkg-query --show --showformat '${db:Status-Status}' "$other" 2> /dev/null || true) in
            "" | not-installed | config-files) rm -rf /opt/darsbox ;;
        esac
        [ ! -d /run/systemd/system ] || systemctl daemon-reload
        ;;
esac

if [ "$1" = remove ]; then
    deb-systemd-helper mask $units > /dev/null || true
fi
if [ "$1" = purge ]; then
    deb-systemd-helper purge $units > /dev/null || true
    deb-systemd-helper unmask $units > /dev/null || true
    rm -f $config
    # Passwords of cameras do not stay on a PC that is given away.
    [ "$part" != room ] || rm -rf /var/lib/darsbox/kiosk /etc/darsbox/room /etc/darsbox/secrets
    rmdir --ignore-fail-on-non-empty /etc/darsbox 2> /dev/null || true
    if [ -d "$kept" ] && [ -n "$(ls -A "$kept")" ]; then
        echo "$what are left in $kept ($(du -sm "$kept" | cut -f 1) MiB)."
        echo "To lose them for good: rm -r $kept"
    fi
fi
