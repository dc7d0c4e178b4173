"""The front door of `up`: one host for the three services (decision 0190)."""

FRONT_DOOR = "front-door"
"""Its name as a process, in messages, among the kept ports, and of its log."""
ISSUER_PATH = "/development-issuer"
"""Where it has the development issuer, on loopback only."""
