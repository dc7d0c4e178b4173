"""Contract 5 across the three databases and the topics: each service's own check, and what crosses between them."""

from tools.verify.report import Report
from tools.verify.whole import verify

__all__ = ["Report", "verify"]
