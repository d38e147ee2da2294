"""A soak: ordinary clients, hostile ones and faults of every kind, and accounts that must balance.

`python -m soak --minutes 60` in `tests/`, or `make soak`. It serves `application.py` in acts, each
with its own settings (`acts.py`). An act has rounds: clients (`clients.py`, `hostile.py`) ask all
the time while something is done to the server (`faults.py`). At the end of each round everybody
leaves. Then what clients saw (`ledger.py`), the access log and the metrics have to agree
(`accounts.py`), and nothing may be left over (`remains.py`). A seed decides what happens; it is
printed.
"""
