"""What every room of the house stands on: settings, clock, errors, database, jobs, ledger, texts.

Owns nothing of the law and knows no other package of the project.
"""
