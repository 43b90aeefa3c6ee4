"""What an exported bundle carries besides the recording: a verifier and a page, both for people without our software.

``verify.py`` shares no code with the product on purpose: it is a second reading of ``docs/RECORDING-FORMAT.md``.
"""
