#!/bin/sh
# After unpacking: make the slot of this version, switch to it, and start what the package is for.
set -eu

[ "$1" = configure ] || exit 0
part=${DPKG_MAINTSCRIPT_PACKAGE#darsbox-}
home=/usr/lib/darsbox/$part
packaged=$(dpkg-query --show --showformat '${Version}' "$DPKG_MAINTSCRIPT_PACKAGE")
upgraded=${2:-}  # from this version, if from any

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
if [ -n "$before" ] && dpkg --compare-versions "$(echo "$before" | sed 's/\.dev/~dev/')" gt "$packaged"; then
    # By an update, or by the other package. What it has written an older one may not be able to read.
    echo "Version $before is in use, which is newer than that of this package, and stays."
    upgraded=
else
    version=$(echo "$packaged" | tr '~' .)
    echo "Making version $version ready: a minute or so."
    slots build "$version" "$home/wheelhouse" "$home/slot.lock"
    slots switch "$version"
    # The one before stays for the way back.
    [ "$before" = "$version" ] || slots tidy $before
fi

if [ "$part" = room ]; then
    units="darsbox-room.service darsbox-sync.service darsbox-kiosk.service darsbox-update-settle.service darsbox-update.timer darsbox.target"
    if [ ! -e /etc/darsbox/room.toml ]; then
        # As the room's user, for it looks at every device; in that user's own folder, for it writes the file anew when
        # somebody sets the room up on its panel.
        runuser -u darsbox -- sh -c 'umask 027 && cd /etc/darsbox/room && { [ -e room.toml ] || {
            /opt/darsbox/current/bin/python -P -m provisioning.first_room > room.toml.new && mv room.toml.new room.toml; }; }'
        ln -sfn room/room.toml /etc/darsbox/room.toml
        echo "/etc/darsbox/room.toml was written, with the devices found here. Set the room up on its panel; or change the file,"
        echo "then: systemctl restart darsbox-room"
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
    if [ -S /run/udev/control ]; then  # a container has none
        udevadm control --reload
        udevadm trigger --action=change --subsystem-match=video4linux --subsystem-match=tty --subsystem-match=input || true
    fi
    # A lesson that is being recorded is worth more than the new version at once.
    if [ -n "$upgraded" ] && /opt/darsbox/current/bin/appliance status --json 2> /dev/null \
        | grep -Eq '"state": "(recording|paused|stopping)"'; then
        echo "A lesson is on: the new version begins at the next start. After the lesson: systemctl restart darsbox.target"
        exit 0
    fi
    units="darsbox.target darsbox-update.timer"
fi
if [ -n "$upgraded" ] && [ "$upgraded" != "$packaged" ]; then
    deb-systemd-invoke restart $units || true
else
    deb-systemd-invoke start $units || true
fi
