#!/bin/sh
# Runs in Debian's installer, from the initrd that a stick of ours adds: busybox and debconf, no Python.
#
#   installer.sh begin    what the installer has to load so that it can read this stick
#   installer.sh disk     which disk may be wiped, and nothing at all before that is sure
#   installer.sh end      the room's package, file and code, once Debian is there
#
# The installer's answers (preseed.cfg) name no disk and confirm nothing: only "disk" does, after it has looked.
# SYS, DEV and CMDLINE are for tests.
set -u

here=${0%/*}
sys=${SYS:-/sys}
dev=${DEV:-/dev}
cmdline=${CMDLINE:-/proc/cmdline}
label=darsbox-data
least=24  # GB: Debian, and a little for lessons

begin() {
    # Images that fetch the rest over the network do not know CDs until they are told.
    modprobe -q isofs || anna-install "cdrom-core-modules-$(uname -r)-di" || true
}

# -- which disk

internal() { # names of disks that are part of the machine, one a line
    for at in "$sys"/block/*; do
        name=${at##*/}
        case $name in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd* | mtd* | mmcblk*boot* | mmcblk*rpmb) continue ;; esac
        [ -e "$dev/$name" ] || continue
        case $(readlink -f "$at") in */usb[0-9]*) continue ;; esac
        [ "$(cat "$at/removable" 2> /dev/null)" = 0 ] || continue
        [ "$(cat "$at/ro" 2> /dev/null)" = 0 ] || continue
        [ "$(cat "$at/device/type" 2> /dev/null)" != SD ] || continue  # a card in a slot
        [ "$(kind "$dev/$name")" != iso9660 ] || continue              # an installer's stick, whatever it hangs on
        [ "$(gigabytes "$name")" -ge "$least" ] || continue
        echo "$name"
    done
}

kind() { # of a file system; nothing where none is known
    known TYPE "$1"
}

known() { # not from blkid's memory, which may be of what was there before
    blkid -c /dev/null -o value -s "$1" "$2" 2> /dev/null
}

gigabytes() {
    echo $(($(cat "$sys/block/$1/size") / 1953125))  # of 512 bytes each
}

choose() { # only | smallest | largest; prints a name, or one sentence and fails
    disks=$(internal)
    count=$(echo "$disks" | grep -c .)
    if [ "$count" = 0 ]; then
        echo "This PC has no disk of its own of $least GB or more. Nothing was changed."
        return 1
    fi
    if [ "$count" != 1 ] && [ "$1" = only ]; then
        echo "This PC has $count disks ($(echo $disks)), and this stick was not told which of them to wipe. Make it with --disk smallest or --disk largest. Nothing was changed."
        return 1
    fi
    for name in $disks; do
        echo "$(gigabytes "$name") $name"
    done | sort -n | if [ "$1" = largest ]; then tail -n 1; else head -n 1; fi | cut -d ' ' -f 2
}

# -- what is on it

partitions() { # of a disk, and the disk itself, which may have a file system without a table
    for part in "$dev/$1" "$dev/$1"[0-9]* "$dev/$1"p[0-9]*; do
        [ ! -b "$part" ] || echo "$part"
    done
}

lessons() { # how many lie on a file system; fails when it cannot be looked into
    at=$(mktemp -d)
    case $(kind "$1") in # nothing is written, not even what a power cut left to be done
        ext*) how=ro,noload ;;
        xfs) how=ro,norecovery ;;
        *) how=ro ;;
    esac
    mount -o "$how" "$1" "$at" 2> /dev/null || { rmdir "$at"; return 1; }
    ls -d "$at"/spool/lessons/*/ "$at"/var/lib/darsbox/spool/lessons/*/ "$at"/lib/darsbox/spool/lessons/*/ 2> /dev/null | wc -l
    umount "$at"
    rmdir "$at"
}

kept() { # why a disk is not wiped, as one sentence; nothing when it may be
    again="Pull out the stick, and the PC starts from its disk. To lose what is on it, start from the stick again and choose the last line of its menu. Nothing was changed."
    for part in $(partitions "$1"); do
        case $(kind "$part") in
            "" | ext2 | ext3 | ext4 | xfs | btrfs)
                if ! found=$(lessons "$part"); then
                    [ -n "$(kind "$part")" ] || continue  # nothing that Linux knows
                    echo "$part cannot be looked into, and may hold lessons. $again"
                    return
                elif [ "$found" -gt 0 ]; then
                    echo "There are lessons on this PC: $found on $part. $again"
                    return
                elif [ "$(known LABEL "$part")" = "$label" ]; then
                    echo "This PC is a Darsbox room already. $again"
                    return
                fi
                ;;
            crypto_LUKS | LVM2_member | linux_raid_member | zfs_member | bcache)
                echo "$part is $(kind "$part"), which this stick cannot look into, and may hold lessons. $again"
                return
                ;;
        esac
    done
}

answers() { # for partman, once it is sure that this disk may go
    if [ -d "$sys/firmware/efi" ]; then
        boot='538 538 1075 free $iflabel{ gpt } $reusemethod{ } method{ efi } format{ } .'
    else
        boot='1 1 1 free $iflabel{ gpt } method{ biosgrub } .'
    fi
    system='10000 12000 20000 ext4 method{ format } format{ } use_filesystem{ } filesystem{ ext4 } mountpoint{ / } .'
    swap='512 1000 2000 linux-swap method{ swap } format{ } .'
    data="4000 100000 -1 ext4 method{ format } format{ } use_filesystem{ } filesystem{ ext4 } label{ $label } mountpoint{ /var/lib/darsbox } ."
    cat << END
d-i partman-auto/disk string $dev/$1
d-i grub-installer/bootdev string $dev/$1
d-i partman-auto/method string regular
d-i partman-auto/expert_recipe string darsbox :: $boot $system $swap $data
d-i partman-auto/choose_recipe select darsbox
d-i partman-partitioning/choose_label select gpt
d-i partman-partitioning/default_label string gpt
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman-efi/non_efi_system boolean true
d-i partman-lvm/device_remove_lvm boolean true
d-i partman-md/device_remove_md boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
END
}

disk() {
    for module in ext4 xfs btrfs; do
        modprobe -q "$module" 2> /dev/null || true
    done
    if ! chosen=$(choose "$(cat "$here/disk")"); then
        stop "$chosen"
    fi
    if ! grep -q 'darsbox=lose-lessons' "$cmdline"; then
        why=$(kept "$chosen")
        [ -z "$why" ] || stop "$why"
    fi
    answers "$chosen" > "${ANSWERS:-/tmp/darsbox-disk.cfg}"
    [ -n "${ANSWERS:-}" ] || debconf-set-selections /tmp/darsbox-disk.cfg
}

# -- the room

end() {
    medium=$(medium) || stop "The stick cannot be read any more. Leave it in, and install again."
    sh "$medium/install.sh" "$medium" /target || stop "Debian is installed, and the room is not: $(tail -n 1 /var/log/syslog). Install again, or look at /var/log/syslog (Alt-F2)."
    # A room whose second disk or partition has died still records, on the first.
    sed -i '/[[:space:]]\/var\/lib\/darsbox[[:space:]]/s/defaults/defaults,nofail/' /target/etc/fstab
}

medium() { # where our folder of the stick is
    at=/darsbox-medium
    mkdir -p "$at"
    modprobe -q isofs 2> /dev/null || true
    if [ -e /cdrom/darsbox/install.sh ]; then
        echo /cdrom/darsbox
        return
    fi
    for part in /dev/sr* /dev/sd* /dev/vd* /dev/mmcblk* /dev/nvme*; do
        if [ -b "$part" ] && [ "$(kind "$part")" = iso9660 ] && mount -t iso9660 -o ro "$part" "$at" 2> /dev/null; then
            if [ -e "$at/darsbox/install.sh" ]; then
                echo "$at/darsbox"
                return
            fi
            umount "$at"
        fi
    done
    return 1
}

# -- words

stop() { # show a sentence until somebody has read it, and end
    echo "$1" >&2
    [ -e /lib/preseed/preseed.sh ] || exit 1  # no installer: a test
    cat > /tmp/darsbox.templates << END
Template: darsbox/said
Type: error
Description: $1
END
    debconf-loadtemplate darsbox /tmp/darsbox.templates
    set +u  # debconf's own words are not all set
    . /usr/share/debconf/confmodule
    db_fset darsbox/said seen false || true
    db_input critical darsbox/said || true
    db_go || true
    exit 1
}

"$1"
