"""A service as the manuals of FastStream and SQLAlchemy show one: a message, a transaction, an object for each row."""
