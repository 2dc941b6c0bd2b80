"""What AWS answered when it was recorded, asked of this cloud again: the expected values are AWS's own."""
