"""The main container beside a sidecar: it works until it is told to stop, and ends well."""

import signal
import sys

signals = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
sys.stdout.write("working\n")
sys.stdout.flush()
signal.sigwait(signals)
sys.stdout.write("the last task is done\n")
