"""The JSON API for other systems under ``/api/v1``: case management and custody.

Owns its messages (``messages``), its operations (``cases``, ``calendar``, ``results``), how a request becomes a call
(``operations``) and the OpenAPI document made from the same table (``document``). Decides nothing: each operation is
one use case of ``scheduler``.
"""
