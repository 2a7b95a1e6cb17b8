"""Telephone audio: G.711, levels, resampling, and the ear that says when the caller speaks.

- ``webrtc``, ``energy``: onsets, frame by frame, over ``onset``'s rules and ``levels``.
- ``silero``: a model that knows voices; it comes a moment later, and is seldom wrong.
- ``played``: what the carrier plays; ``echo``: which frames are nothing but that, come back.
- ``ear``: what all of these say together: speech began, is a voice, wants the floor, ended.
- ``dtmf``: the tones of keys.  ``beep``: when an answering machine's beep is over.

Nothing here knows of Trio or of a call: `trio_media.call.listening` does the waiting.
"""
