"""The one transaction of placement: facts in, the fold, what follows, and what goes out."""
