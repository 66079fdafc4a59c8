"""What the room costs and how fast it answers, beside a peer that does the least that could be done.

``python -m benchmarks [ONLY]`` prints one JSON line a figure on standard output and notes on standard error.
"""
