"""Agents to read, to try and to begin with: ``trio-media serve trio_media.examples.booking:agent``.

- ``booking``: takes bookings; tools, one of them slow, and a book of reservations.
- ``ivr``: a menu of keys; collects them, and transfers the call.
- ``reminder``: calls people about their appointments, and leaves a message on their machines.
"""
