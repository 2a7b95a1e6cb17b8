"""What users write: the agent that attends calls, its tools and hooks, and the call in their hands.

An `Agent` decides about a call before the model hears of it; then it has a `Call`, which sees what
is decided and may ask for more.  It decides nothing itself, and whatever the application's code
does, the call goes on.

- ``agent``: instructions, tools and hooks, as they are written.  ``settings``: what is decided
  about one call, and in what time.  ``info``: what is known of a call then.  ``mcp``: tools that
  the model service calls by itself.  ``loading``: from ``module:attribute`` to an agent.
- ``call``: what an application may do with a call.  ``asking``: what makes no sense there.
  ``transfer``: a warm transfer.  ``limits``: how long a call may last.
- ``attended``: a call as ``run_call`` knows it: an attendant.  ``watching``: what is seen of it.
  ``transcript``: what was said and heard, in the order in which it was said.
- ``voicemail``: whether a machine answered a call that we placed, and what is done then.
  ``voicemail_phrases``: what machines say.  ``answering_machine``: what is heard of it, and the
  task that acts on it.
- ``application``: running code of the application; the boundary where its errors stop.  ``hooks``:
  functions that are told what happens.
- ``tool_calls``: a function as a tool of a call.  ``built_in``: tools that need not be written.
- ``schema``: from a function to a tool: its name, its description, its parameters as JSON schema.
- ``annotations``: from a Python type to a form; what cannot be described is the author's error.
- ``forms``: what an argument may be, as JSON schema, and how its JSON becomes a Python value.
- ``docstrings``: what a docstring says about a function and its parameters.

What describes a function (from ``schema`` on) knows neither of Trio nor of a call.
"""
