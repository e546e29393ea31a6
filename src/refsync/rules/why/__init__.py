"""Why, and why not: what each line of each rule saw of one record, and the touches behind it."""
