"""Updates of a room: whom it believes, what it fetches, when it may be touched, and how it comes back.

    sources ─► trust ─► bundle ─► fetching ─► installing ─► journal
    (a server or a stick)  signed   wheels     slots, health   what was begun

Nothing of it runs in the daemon. It needs the daemon's address, the timetable and the server's time, and finds them in
the spool.
"""
