"""Contract 5 across the three databases and the topics: each service's own check, and what crosses between them."""

from services.verify.report import Report
from services.verify.whole import verify

__all__ = ["Report", "verify"]
