"""`python -m bench [--only salesforce|hubspot|rules] [--activities N] [--accounts N] [--rounds N]`: print ratios of one run."""

from __future__ import annotations

import argparse
import sys

from bench import pull, rules


def main() -> int:
    options = argparse.ArgumentParser(prog="bench", description="Ratios against a baseline measured in the same run.")
    options.add_argument("--only", choices=["salesforce", "hubspot", "rules"], help="one of the benchmarks")
    options.add_argument("--activities", type=int, default=200_000, help="pull: activities to read")
    options.add_argument("--accounts", type=int, default=200_000, help="rules: accounts; people x3, activities x10")
    options.add_argument("--rounds", type=int, default=3, help="interleaved rounds; the median counts")
    chosen = options.parse_args()
    for crm in pull.WAYS:
        if chosen.only in {None, crm}:
            for line in pull.compare(crm, activities=chosen.activities, rounds=chosen.rounds):
                print(line, flush=True)
    if chosen.only in {None, "rules"}:
        for line in rules.compare(accounts=chosen.accounts, rounds=chosen.rounds):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
