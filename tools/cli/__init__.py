"""The command line `stepdown`: a file for each command, and main.py, which finds them."""
