"""Everything dies, and nothing that was acknowledged is lost: faults on real processes, and the proof from a history.

`python -m tests.chaos` starts an engine with several processes, sends records that can be told apart, injects the
faults of a schedule made from a seed, writes down all that happened (`history`), and checks the delivery equation
for every single record (`check`). `python -m tests.chaos.soak` watches memory, files and databases under steady load.
"""
