"""Checks the invariants of contract 5: each service's own check of its database, and comparisons of the databases with
the topics."""

from tools.verify.report import Report
from tools.verify.whole import verify

__all__ = ["Report", "verify"]
