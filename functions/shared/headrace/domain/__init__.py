"""Plain facts and rules, free of any technology: records, programs, pipelines, sinks, keys, errors."""
