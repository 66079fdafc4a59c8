"""Images that make rooms: a USB stick that installs Debian and the room by itself, and a seed for cloud-init.

    orders ─► aboard (what goes along, checked) ─► answers, menus (text) ─► iso (xorriso)      a stick
                                                └► cloud (text) ──────────► iso or a folder    a seed

``installer.sh`` runs in Debian's installer and chooses the disk; ``install.sh`` makes a room of a fresh Debian, the
same way from both.
"""
