"""What is asked of Organizations: one file for each noun."""
