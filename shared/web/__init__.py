"""HTTP as every service uses it: the application, signing in, one way for every POST, forms and pages."""
