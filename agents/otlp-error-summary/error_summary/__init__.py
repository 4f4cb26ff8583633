"""An agent for Headrace: batches of error logs in, one summary of each batch out."""
