"""The house rules, run: published language, config, documents, imports."""
