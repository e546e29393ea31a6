"""Write-back: tasks into the CRM, changed there, told in words, and taken up again after a lost database."""
