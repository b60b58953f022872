"""The way from threads that block into an event loop that runs on a thread of its own.

A :class:`Portal` owns a daemon thread that runs an asyncio event loop. Any other thread hands it
a coroutine function and waits for what comes of it. Nothing in here knows Discord. What can go
wrong between threads is handled here, once:

* *Fork.* The thread does not exist in a child process. There the portal is ``forked`` and not
  ``alive``, every call raises instead of waiting for ever, and :meth:`Portal.start` makes a new
  thread. This goes by the process id, so that a fork past Python's hooks is seen as well. Locks
  are one to a process. The parent's loop, the coroutines on it and what they hold are neither
  collected nor closed in the child; closing there what is the parent's, such as a client, may
  still send a last message on a connection that both share: drop it. Whoever owns the portal
  connects again; the portal only says that it is time to.
* *Waits that end early.* A time limit, Ctrl-C, or any exception out of a signal handler ends a
  wait. What has not begun is withdrawn, a coroutine that has is cancelled, and the error, or a
  note on the interrupt, says which it was.
* *Deadlock.* A blocking call on the loop thread is refused, and on every other thread of the
  package's own. Inside another running loop it works, and warns once that it blocks that loop. A
  loop that does not answer has its stack logged.
* *What comes between.* A signal handler, or a finalizer, that makes a blocking call in the middle
  of another one gets its answer: no lock is held meanwhile that the loop needs, if the future is
  an :class:`~discobase.outcome.Outcome`. In a logging handler that the loop waits for, the wait
  ends with an error.
* *Failure of the thread.* The portal keeps the exception that ended the thread, and tells every
  waiter. Nothing that a coroutine raises ends it, ``KeyboardInterrupt`` and ``SystemExit``
  included; nor does one that stops the loop.
* *Exit and garbage collection.* A portal that is collected, or alive when the interpreter exits,
  is stopped, with a ``ResourceWarning`` that names the line that opened it. Exit waits for it a
  second at most.
* *Tracebacks.* They show the caller's line and the coroutine's without asyncio's between them,
  and do not grow from waiter to waiter. ``DISCOBASE_TRACEBACK=full`` in the environment shows
  everything.

Not handled:

* Sub-interpreters that forbid daemon threads: :meth:`Portal.start` raises what Python says.
* gevent and eventlet after monkey-patching: what looks like a thread is none then.
* Two portals whose coroutines block on each other: there is the warning, and then they wait.
* Async iterators and context managers: they have to be driven inside one coroutine.
* Work at exit: on several Python versions neither new threads nor name look-ups are to be had
  then, so a call is done when it returns, and nothing is left to be flushed.
"""

from discobase.portal.portal import Portal
from discobase.portal.tracebacks import drop_traceback, reraisable, users_frame, users_line

__all__ = ["Portal", "drop_traceback", "reraisable", "users_frame", "users_line"]
