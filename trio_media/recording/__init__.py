"""What is kept of a call: its stereo recording, its event log and its summary."""
