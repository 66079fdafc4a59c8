"""Capture agents of others: the server's side of the protocol that Opencast's agents speak, so that pyCA, Galicaster,
Extron SMP and Epiphan Pearl deliver into the same library unmodified.

    login      Basic and Digest
    forms      their forms, streamed: fields in memory, one file on the disk
    documents  XML and properties, read by a hardened parser, and written
    zipped     a media package in a zip
    timetable  a room's iCalendar as agents want it
    agents     routes: the registry, what an agent says of itself, its timetable
    packages   routes: a media package, file by file
    delivery   from a media package to a lesson of the library

An agent always asks; it reads the status of an answer and little else. What is said here about the protocol was read in
Opencast 17 and seen from pyCA 4.4.
"""
