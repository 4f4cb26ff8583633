"""Real engines for tests: started on free ports of this machine, ended with the tests. Skipped where they are missing."""
