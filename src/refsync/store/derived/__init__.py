"""What follows from the mirror: touches and milestones, kept in step with it."""
