"""Small forms of a lesson for poor links, made of its takes: poster, slidecast and proxy."""
