"""The server: one port for the carrier's websockets and for HTTP, admission, drain and metrics.

Rule 1: a connection is judged on its request head alone, before anything is spent on it.
Rule 2: a call that crashes is logged and counted; its siblings do not notice.
Rule 3: everything ends with the one nursery of `serving.serve`.

A call is expected, begun and asked back by `reception`; `visiting` is one media stream of it, and
`returning` keeps what it goes on with when that was cut.

`model_access` knows, for all calls, whether a model service is to be had, and tries that so that no
caller has to.

Of several workers each is such a server.  `workers` starts and watches them; `spreading` accepts
their connections, `sharing` says whose each is, by what `roster` knows of them, and `passing` gives
it to that worker, where it comes in by `receiving`.
"""
