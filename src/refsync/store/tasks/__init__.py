"""Our tasks beside the ledger: their story, what the CRM shows of them, and those that the ledger does not know."""
