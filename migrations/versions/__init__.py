"""``NNNN_<package>.py``: what a package changed, in order."""
