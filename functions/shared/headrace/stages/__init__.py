"""The data path, one verb a file: receive, accept_output, process, deliver. Ports come in as arguments."""
