"""What waits for somebody at the follow-up desk."""
