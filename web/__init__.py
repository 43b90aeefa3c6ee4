"""Pages, forms, JSON API, templates and browser code.

Handlers translate between HTTP and use cases of the packages below; they decide nothing themselves.
"""
