"""What asks a server in a cluster: sends bodies in turn, at a steady rate whatever becomes of them, and writes down each request as a line of JSON.

python3 asking.py URL RATE MILLISECONDS BODIES. It knows nothing of Steelyard and needs nothing but Python; it ends when it is sent SIGTERM, with what
was asked answered. A new connection for each request: so each goes where the Service sends it at that moment.
"""

import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_SECONDS = 30.0
AT_ONCE = 32
WRITING = threading.Lock()


def asked(url, body):
    """(status, answer); status 0 where there was none."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError) as error:
        return 0, str(error)


def told(number, url, bodies, limit):
    """Ask, and write the line."""
    began = time.time()
    status, answer = asked(url, bodies[number % len(bodies)])
    done = time.time()
    outcome = "error" if status != 200 else "good" if done - began <= limit else "slow"
    line = {"i": number, "asked": number % len(bodies), "sent": began, "done": done, "status": status, "outcome": outcome}
    if status != 200:
        line["why"] = answer
    else:
        line["answer"] = answer["outputs"][0]["data"]
        line["pod"] = (answer.get("parameters") or {}).get("pod")
    with WRITING:
        print(json.dumps(line), flush=True)


def main(url, rate, milliseconds, bodies):
    ends = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ends.set())
    began, number = time.monotonic(), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while not ends.wait(max(0.0, began + number / rate - time.monotonic())):
            pool.submit(told, number, url, bodies, milliseconds / 1000)
            number += 1
    print(json.dumps({"summary": {"requests": number}}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4]))
