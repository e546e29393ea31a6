"""Coverage: how much of the book is in touch, per rep, team and segment, the referral check-list, and what holdouts tell."""
