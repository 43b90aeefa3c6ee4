"""Distances on the great circle."""

from math import asin, cos, radians, sin, sqrt

EARTH_KM = 6371.0

Position = tuple[float, float]
"""Latitude and longitude in degrees."""


def kilometres(one: Position, other: Position) -> float:
    """Between two positions, as the crow flies (haversine)."""
    lat1, lon1, lat2, lon2 = (radians(degrees) for degrees in (*one, *other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))
