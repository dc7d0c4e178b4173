"""What a decision of aftercare is made on: what people ask, the episode's facts, and how they change. Pure."""
