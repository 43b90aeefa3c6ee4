"""One module per subject; each offers ``routes()`` and translates between HTTP and use cases."""
