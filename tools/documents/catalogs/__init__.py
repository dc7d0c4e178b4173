"""The texts that people read, collected from code and templates into `shared/web/words/en.po`, and the check that each
other language has all of them.

`texts` finds them, `files` writes and compares the catalogs.
"""
