"""Finding a program for a patient: searches, the recommended level, ranking, offers, placements, waiting lists.
Pure."""
