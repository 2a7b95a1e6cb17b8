"""What users write: plain functions, which become tools that a speech model calls.

- ``schema``: from a function to a tool: its name, its description, its parameters as JSON schema.
- ``annotations``: from a Python type to a form; what cannot be described is the author's error.
- ``forms``: what an argument may be, as JSON schema, and how its JSON becomes a Python value.
- ``docstrings``: what a docstring says about a function and its parameters.

Nothing here knows of Trio or of a call.
"""
