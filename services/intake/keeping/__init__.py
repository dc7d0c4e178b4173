"""How long intake keeps what: the texts of messages, and what it has of a facility that left."""
