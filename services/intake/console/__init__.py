"""For who runs the interface: what hospitals sent and what came of it; messages are tried, and read again."""
