"""The coordinators' desk as a page: its lists, what a search looks at, and every write of the API as a form."""
