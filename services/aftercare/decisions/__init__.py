"""What people ask of aftercare, the situation in which it is decided, and the facts that come of it. Pure."""
