"""The one transaction of aftercare: documents in, what follows, and what goes out."""
