"""Real engines for tests, on free ports of this machine, ended with the tests; skipped where they are missing."""
