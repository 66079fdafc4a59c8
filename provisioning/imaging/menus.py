"""The stick's boot menus, of BIOS (isolinux) and UEFI (GRUB). Pure.

What is chosen when nobody touches a key wipes the PC's disk, unless there are lessons on it; the menu says so.
"""

from __future__ import annotations

SECONDS = 30
"""Until the first line is taken: time for somebody who did not want this."""
TITLE = "Darsbox: this stick WIPES THE DISK of the PC"
INSTALL = "Make this PC a room: WIPE ITS DISK, never lessons"
LEAVE = "Leave this PC as it is, and start from its disk"
LOSE = "Make it a room again, and LOSE THE LESSONS on its disk"
ADDED = "/darsbox/boot.img"
"""Our part of the first file system, on the medium."""
_ASKS_NOTHING = "priority=critical"


def isolinux(kernel: str, initrd: str, boot: str) -> str:
    """kernel, initrd: paths on the medium. boot: more words for Linux."""
    words = f"initrd={initrd},{ADDED} {_ASKS_NOTHING} vga=788 {boot}".rstrip()
    return f"""\
ui vesamenu.c32
prompt 0
timeout {SECONDS * 10}
menu title {TITLE}
menu autoboot The first line is taken in # seconds: the disk of this PC is wiped.
label install
 menu label {INSTALL}
 menu default
 kernel {kernel}
 append {words} ---
label leave
 menu label {LEAVE}
 localboot -1
label lose
 menu label {LOSE}
 kernel {kernel}
 append {words} darsbox=lose-lessons ---
"""


def grub(kernel: str, initrd: str, boot: str) -> str:
    """As ``isolinux``."""
    words = f"{_ASKS_NOTHING} {boot}".rstrip()
    return f"""\
# {TITLE}
# Without these Linux has no screen.
insmod all_video
set gfxpayload=keep
set default=0
set timeout={SECONDS}
menuentry '{INSTALL}' {{
 linux {kernel} {words} ---
 initrd {initrd} {ADDED}
}}
menuentry '{LEAVE}' {{
 exit 1
}}
menuentry '{LOSE}' {{
 linux {kernel} {words} darsbox=lose-lessons ---
 initrd {initrd} {ADDED}
}}
"""
