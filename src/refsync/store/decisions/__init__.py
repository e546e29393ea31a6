"""What people decide: plans they review, what waits for an approval, what is paused."""
