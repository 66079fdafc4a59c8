"""The portal: the pages people see of the central server. ``pages.portal_router`` is its door."""
