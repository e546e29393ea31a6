"""One tick of one connection: pull the CRM into the mirror, evaluate the rules, plan, push the tasks."""
