"""HTTP as every service uses it: the Starlette application, signing in, the handling of a POST, forms and pages."""
