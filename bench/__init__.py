"""Side-by-side benchmarks: this service against its peers, on this machine, in one run."""
