"""The lane for long visits on hospital.adt: their records wait in the database, and a worker takes them in."""
