"""Simulated patients: what hospitals send of them, and what desks, programs and aftercare do for them, played on a
running system through its MLLP, Kafka and HTTP ports."""
