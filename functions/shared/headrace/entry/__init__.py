"""Event ↔ plain call, once for all doors: HTTP through Chalice, queues, schedules."""
