"""Bytes ↔ domain: OTLP, the bus envelope, stored items, answers. Pure functions, named decode_* and encode_*."""
