"""The figures that Headrace promises, measured on this machine: `make bench`."""
