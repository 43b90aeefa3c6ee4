"""What the benchmarks stand on: synthetic participants, loads, and the servers they are compared with."""
