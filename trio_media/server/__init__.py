"""The server: one port for the carrier's websockets and for HTTP, admission, drain and metrics.

Rule 1: a connection is judged on its request head alone, before anything is spent on it.
Rule 2: a call that crashes is logged and counted; its siblings do not notice.
Rule 3: everything ends with the one nursery of `serving.serve`.
"""
