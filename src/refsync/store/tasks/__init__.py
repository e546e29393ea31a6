"""Our tasks beside the ledger: their story, what the CRM shows of them, those it does not know, and matches left without one."""
