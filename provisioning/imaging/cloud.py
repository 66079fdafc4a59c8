"""What cloud-init wants to know of a machine: user-data and meta-data of its NoCloud source. Pure.

JSON is YAML too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioning.imaging.access import Access
from provisioning.imaging.answers import Wishes

LABEL = "CIDATA"
"""By which cloud-init finds its disk; a FAT disk may have it in small letters."""
FOLDER = "darsbox"
INSTALL = f"""\
set -e
for label in {LABEL} {LABEL.lower()}; do
    [ ! -e "/dev/disk/by-label/$label" ] || disk=/dev/disk/by-label/$label
done
mkdir -p /run/darsbox-seed
mount -o ro "$disk" /run/darsbox-seed
sh /run/darsbox-seed/{FOLDER}/install.sh /run/darsbox-seed/{FOLDER} ""
umount /run/darsbox-seed
"""


def seed(files: Mapping[str, bytes | Path], wishes: Wishes, access: Access, hostname: str) -> dict[str, bytes | Path]:
    """All files of the seed, by path. files: as ``aboard`` has them."""
    told = user_data(wishes, access, hostname)
    return {
        "user-data": told,
        "meta-data": meta_data(told, files, hostname),
        **{f"{FOLDER}/{path}": data for path, data in files.items()},
    }


def user_data(wishes: Wishes, access: Access, hostname: str) -> bytes:
    admin: dict[str, Any] = {
        "name": access.admin,
        "groups": "sudo",
        "shell": "/bin/bash",
        "lock_passwd": not access.password_hash,
    }
    if access.password_hash:
        admin["passwd"] = access.password_hash
    if access.keys:
        admin["ssh_authorized_keys"] = access.keys.splitlines()
    charset = wishes.locale.partition(".")[2] or "UTF-8"
    facts = {
        "hostname": hostname,
        "manage_etc_hosts": "localhost",  # else sudo waits for a name server to know the machine's own name
        "timezone": wishes.zone,
        # Debian's cloud-init makes only locales that stand in this file (canonical/cloud-init, issue 4195).
        "write_files": [{"path": "/etc/locale.gen", "append": True, "content": f"{wishes.locale} {charset}\n"}],
        "locale": wishes.locale,
        "ssh_pwauth": False,
        "users": [admin],
        "runcmd": [["sh", "-c", INSTALL]],
    }
    return b"#cloud-config\n" + json.dumps(facts, indent=1).encode() + b"\n"


def meta_data(told: bytes, files: Mapping[str, bytes | Path], hostname: str) -> bytes:
    """With another content it is another machine to cloud-init, which then does everything again."""
    digest = hashlib.sha256(told)
    for path, data in sorted(files.items()):
        digest.update(path.encode())
        digest.update(data if isinstance(data, bytes) else data.name.encode())
    facts = {"instance-id": f"darsbox-{digest.hexdigest()[:16]}", "local-hostname": hostname}
    return json.dumps(facts, indent=1).encode() + b"\n"
