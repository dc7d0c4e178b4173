"""The site's config: YAML read, checked, and looked up."""
