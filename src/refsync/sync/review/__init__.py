"""Plans that people review: made without writing, carried out as they stand, and taken back."""
