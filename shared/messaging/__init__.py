"""Kafka as every service uses it: subscriptions, positions, the outbox and its relay, dead letters."""
