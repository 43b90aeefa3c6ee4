"""Facilities, rooms, calendars, rules, bookings, windows, holds on resources, edge alarms.

Decides who may meet whom, where and when; the database itself refuses overlaps. Knows nothing of live media.
"""
