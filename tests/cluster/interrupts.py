"""Being told to end, in whatever way, is an exception in the main thread: what is under way ends in order. Read by any Python from 3.6 on."""

import signal


def become_exceptions():
    """SIGTERM and a terminal that closes, as Ctrl-C does anyway. Who ignores them (nohup) goes on ignoring them."""

    def interrupted(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupted)
