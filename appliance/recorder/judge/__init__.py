"""The judge: is this take any good? Measures, verdicts, the process that looks and listens, and its supervisor."""
