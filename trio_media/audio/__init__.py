"""Telephone audio: G.711, levels, resampling, and the detectors that say when the caller speaks.

`trio_media.audio.webrtc.make_onset_detector` is where a call gets its detector from.
"""
