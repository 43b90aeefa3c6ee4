"""Synthetic participants that use the product from outside, as a browser would.

Knows the public protocol only: HTTP, WebSocket, WebRTC, and the verifier of recordings.
"""
