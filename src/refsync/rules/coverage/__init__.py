"""Coverage: how much of the book is in touch, counted per rep, team and segment, and the referral check-list."""
