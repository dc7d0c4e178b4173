"""The attendance sheet of a program's day: who was there, said for all in one form."""
