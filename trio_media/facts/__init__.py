"""What is known of a call, by one set of rules for whoever tells it: applications, files, the page.

Pure: what is taken in comes from the call's events, commands and notes.
"""
