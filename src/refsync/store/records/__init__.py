"""Records of the CRM: as rows, merged, missing, retired, quarantined, and who is who among them."""
