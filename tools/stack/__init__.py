"""`stepdown up`: the broker, the database and the three services as child processes that end when it ends."""

SERVICES = ("intake", "placement", "aftercare")
