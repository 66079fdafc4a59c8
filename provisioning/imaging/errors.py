"""Why there is no image."""


class CannotImage(Exception):
    """One sentence, or one a line where there are several mistakes. Nothing was written."""
