"""`make test-clients`: clients of other people against the stand-ins, independent judges of our SOQL and of our rules' schema.

`python -m tests.clients FOLDER [client …]`; the folder holds each client's own environment, made by the Makefile. A CRM's clients
stand in `<crm>_trials.py`, each a function that gets the stage and returns its `Trial`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.clients import editor_trials, hubspot_trials, salesforce_trials
from tests.clients.stage import Stage
from tests.clients.trial import Trial

TRIALS = {**salesforce_trials.TRIALS, **hubspot_trials.TRIALS, **editor_trials.TRIALS}


def main(folder: Path, *wanted: str) -> int:
    """Run the trials and return the exit code."""
    trials = []
    for name in wanted or TRIALS:
        with tempfile.TemporaryDirectory() as scratch:
            trial = TRIALS[name](Stage(clients=folder.resolve(), scratch=Path(scratch)))
        show(trial)
        trials.append(trial)
    failed = [trial.client for trial in trials if trial.missing]
    print(f"{len(trials) - len(failed)} of {len(trials)} clients passed" + (f"; not: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def show(trial: Trial) -> None:
    """Print what a client did, what it failed to do, and what it cannot do."""
    print(f"\n{trial.client}: {'FAILED' if trial.missing else 'passed'}")
    told = {step.name: step for step in trial.steps}
    for name in dict.fromkeys([*trial.expected, *told]):
        step = told.get(name)
        word = "silent" if step is None else "ok" if step.ok else "FAILED" if name in trial.missing else "no"
        print(f"  {word:<7} {name}" + (f": {step.told}" if step and step.told else ""))
    for what, reason in trial.cannot.items():
        print(f"  cannot  {what}: {reason}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
