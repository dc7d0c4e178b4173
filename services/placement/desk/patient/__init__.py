"""The patient's page: who, the continuum as a picture, what waits, the story in words, the bills; now and as it was."""
