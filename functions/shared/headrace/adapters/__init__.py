"""One module, or package, for each technology behind a port: `<port>_<technology>`. Strangers to one another."""
