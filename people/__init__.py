"""Organisation trees, people, roles, credentials, logins, invitations, join tickets, terminals, permissions.

Owns who somebody is and what they may do. Knows no cases, no calendar and no live session.
"""
