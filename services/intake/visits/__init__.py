"""What the messages of one visit mean together: pure, from all of them, in whatever order they came."""
