"""The labelled clips by which the judge is judged."""
