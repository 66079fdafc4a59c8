"""What both ends know of recordings as files. Imports none of ours."""
