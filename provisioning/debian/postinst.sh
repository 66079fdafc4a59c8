#!/bin/sh
# After unpacking: make the slot of this version, switch to it, and start what the package is for.
set -eu

[ "$1" = configure ] || exit 0
part=${DPKG_MAINTSCRIPT_PACKAGE#darsbox-}
home=/usr/lib/darsbox/$part
version=$(dpkg-query --show --showformat '${Version}' "$DPKG_MAINTSCRIPT_PACKAGE" | tr '~' .)

slots() {
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$(echo "$home"/wheelhouse/darsbox-*.whl) \
        /usr/bin/python3 -P -m provisioning.slots "$@"
}

manager_runs() {
    [ -d /run/systemd/system ]
}

systemd-sysusers "darsbox-$part.conf"
systemd-tmpfiles --create "darsbox-$part.conf" || true  # it complains of what other packages left, too

before=$(slots current)
echo "Making version $version ready: a minute or so."
slots build "$version" "$home/wheelhouse" "$home/slot.lock"
slots switch "$version"
# The one before stays, for a program that still runs and for the way back.
slots tidy "$version" $before

if [ "$part" = room ]; then
    units="darsbox-room.service darsbox-sync.service darsbox-kiosk.service darsbox-update-settle.service darsbox-update.timer darsbox.target"
    if [ ! -e /etc/darsbox/room.toml ]; then
        # As the room's user, for it looks at every device.
        (umask 027 && runuser -u darsbox -- /opt/darsbox/current/bin/python -P -m provisioning.first_room \
            > /etc/darsbox/room.toml.new)
        chgrp darsbox /etc/darsbox/room.toml.new
        mv /etc/darsbox/room.toml.new /etc/darsbox/room.toml
        echo "/etc/darsbox/room.toml was written, with the devices found here. Change it, then: systemctl restart darsbox-room"
    fi
else
    units="darsbox-server.service darsbox-worker.service"
fi

for unit in $units; do
    deb-systemd-helper unmask "$unit" > /dev/null || true
    # What an admin has disabled stays so.
    if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" > /dev/null
    else
        deb-systemd-helper update-state "$unit" > /dev/null
    fi
done

manager_runs || exit 0
systemctl daemon-reload
if [ "$part" = room ]; then
    udevadm control --reload || true  # there is none in a container
    udevadm trigger --action=change --subsystem-match=video4linux --subsystem-match=tty --subsystem-match=input || true
    # A lesson that is being recorded is worth more than the new version at once.
    if [ -n "$before" ] && [ "$before" != "$version" ] \
        && "/opt/darsbox/slots/$before/bin/appliance" status --json 2> /dev/null | grep -Eq '"state": "(recording|paused|stopping)"'; then
        echo "A lesson is on: the new version begins at the next start. After the lesson: systemctl restart darsbox.target"
        exit 0
    fi
    units="darsbox.target darsbox-update.timer"
fi
for unit in $units; do
    if [ -n "$before" ] && [ "$before" != "$version" ]; then
        deb-systemd-invoke restart "$unit" || true
    else
        deb-systemd-invoke start "$unit" || true
    fi
done
