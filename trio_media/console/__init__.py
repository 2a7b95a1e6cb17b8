"""The console: what people who run the server look at, and what they may do to its calls.

- ``access``, ``limits``, ``gate``: who may ask, how often, and what of it is logged.
- ``live_call``, ``feed``: what live calls tell, and who is told.
- ``directory``: the calls that are over, from what was kept of them.
- ``overview``: figures by the minute.
- ``views``: calls as they are shown.
- ``siblings``: the other workers of this server.
- ``api``, ``calls_api``, ``control_api``, ``events_api``: the routes under ``/api/``.
- ``openapi``, ``problems``: what the API says of itself and of what is wrong.
- ``pages``: the page itself, from ``static``.
"""
