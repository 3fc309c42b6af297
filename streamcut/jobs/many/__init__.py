"""Many files, and long ones in parts, on several processes or machines.

::

    folder --plan--> tasks --Team: local processes, or Ray's--> results --join--> files

A task is a dictionary that JSON holds, done by :class:`~streamcut.jobs.many.tasks.Worker`,
wherever that is. A worker that dies costs the one task that it was at, which another one does.
"""
