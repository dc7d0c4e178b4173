"""The site config: YAML read, checked, and looked up."""
