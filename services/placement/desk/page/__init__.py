"""The coordinators' desk as a page: lists, the programs for a search, and every POST of the API as a form."""
