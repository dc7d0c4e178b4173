"""The embedded stack: broker, database and the three services as child processes that never outlive `up`."""

SERVICES = ("intake", "placement", "aftercare")
