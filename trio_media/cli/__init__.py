"""The commands, one module each.

Rule 1: a module imports nothing heavy before its command runs, so that ``--help`` is quick.
Rule 2: a command raises `ConfigError` for what the user got wrong and returns its exit code.
"""
