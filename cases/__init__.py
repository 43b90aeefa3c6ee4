"""Cases, custody records, representation (who defends whom), and the kinds of session with what each requires.

Knows people; knows nothing of calendars, live sessions or pages.
"""
