"""What uvicorn runs: `uvicorn main:app`."""

import logging
import sys

from error_summary.app import create_app
from error_summary.settings import read_settings
from headrace_sdk import ConfigurationError

try:
    settings = read_settings()
    app = create_app(settings)
except ConfigurationError as fault:
    sys.exit(f"otlp-error-summary cannot start: {fault}")

logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
if settings.log_level == "INFO":
    logging.getLogger("httpx2").setLevel("WARNING")  # a line for each request to the model
