"""Rules: which customers are neglected and which referrals are earned, as data that a company tunes.

`files` reads a folder into a `RuleSet`, `compile` turns each rule into one SELECT over the mirror, `people` and `texts` say who
to talk to and in which words, `explain` says why and why not. Nothing here holds a connection or reads a clock.
"""
