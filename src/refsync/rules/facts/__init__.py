"""Facts: what a rule may read about accounts, people, deals, introductions, milestones and reps, and where it comes from."""
