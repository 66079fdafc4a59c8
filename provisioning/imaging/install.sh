#!/bin/sh
# install.sh MEDIUM TARGET: makes a room (or a server) of a fresh Debian: its package, its file, its code. TARGET is
# /target in Debian's installer, and "" on a machine that runs, as cloud-init calls it.
#
#   MEDIUM/packages/*.deb               ours, and those of Debian's that no mirror has to give
#   MEDIUM/rooms/index                  "KEY FOLDER" a line: KEY is a PC's serial number or a network address of it
#   MEDIUM/rooms/FOLDER/…               room.toml, darsbox-enrol.json, hostname; "default" is for PCs that are not named
#   MEDIUM/secrets/…, update-root.json, authorized_keys, admin     as far as they were given
#
# It may be run again. SYS is for tests.
set -eu

medium=$1
target=${2%/}
sys=${SYS:-/sys}
etc=$target/etc/darsbox
cache=/var/cache/darsbox-image

inside() {
    if [ -n "$target" ]; then in-target "$@"; else DEBIAN_FRONTEND=noninteractive "$@"; fi
}

keys() { # of this PC, as the index has them: small letters, no blanks
    for file in "$sys"/class/dmi/id/product_serial "$sys"/class/dmi/id/board_serial "$sys"/class/net/*/address; do
        [ ! -r "$file" ] || tr 'A-Z' 'a-z' < "$file" | tr -d ' \t\n'
        echo
    done
}

room() { # the folder of this PC's room; fails when there is none
    if [ -f "$medium/rooms/index" ]; then
        for mine in $(keys); do
            while read -r key folder; do
                if [ "$key" = "$mine" ]; then
                    echo "$medium/rooms/$folder"
                    return
                fi
            done < "$medium/rooms/index"
        done
    fi
    [ ! -d "$medium/rooms/default" ] || echo "$medium/rooms/default"
}

mine=$(room)
mkdir -p "$etc" "$target$cache"
chmod 755 "$etc"
if [ -n "$mine" ]; then
    (umask 027 && cp "$mine/room.toml" "$etc/room.toml")  # the package gives it to the room's group
    cp "$mine/hostname" "$target/etc/hostname"
    [ ! -f "$target/etc/hosts" ] || sed -i "s/^127\.0\.1\.1.*/127.0.1.1 $(cat "$mine/hostname")/" "$target/etc/hosts"
fi
[ ! -f "$medium/update-root.json" ] || cp "$medium/update-root.json" "$etc/update-root.json"

cp "$medium"/packages/*.deb "$target$cache"
debs=$(cd "$medium/packages" && for deb in *.deb; do echo "$cache/$deb"; done)
inside apt-get update || echo "No mirror of Debian answers; what is on the stick has to do." >&2
inside apt-get install --yes $debs ||
    inside apt-get install --yes --no-install-recommends $debs  # a room without a panel's browser records all the same
rm -rf "$target$cache"

closed() { # FILE PLACE: for the room's user alone
    (umask 077 && cp "$1" "$2.new")
    chmod 400 "$2.new"
    inside chown darsbox:darsbox "${2#"$target"}.new"
    mv "$2.new" "$2"
}

if [ -d "$medium/secrets" ]; then
    mkdir -p "$etc/secrets"
    for file in "$medium"/secrets/*; do
        closed "$file" "$etc/secrets/${file##*/}"
    done
fi
if [ -n "$mine" ] && [ -f "$mine/darsbox-enrol.json" ]; then
    closed "$mine/darsbox-enrol.json" "$etc/darsbox-enrol.json"  # last: the room takes it up at once
fi

if [ -f "$medium/admin" ]; then
    admin=$(cat "$medium/admin")
    home=$target/home/$admin
    if [ -f "$medium/authorized_keys" ]; then
        (umask 077 && mkdir -p "$home/.ssh" && cp "$medium/authorized_keys" "$home/.ssh/authorized_keys")
        inside chown -R "$admin:$admin" "/home/$admin/.ssh"
        mkdir -p "$target/etc/ssh/sshd_config.d"
        echo "PasswordAuthentication no" > "$target/etc/ssh/sshd_config.d/darsbox.conf"
    fi
    if [ -f "$medium/admin-has-no-password" ]; then
        mkdir -p "$target/etc/sudoers.d"
        echo "$admin ALL=(ALL:ALL) NOPASSWD: ALL" > "$target/etc/sudoers.d/darsbox-admin"
        chmod 440 "$target/etc/sudoers.d/darsbox-admin"
    fi
fi
