"""What is asked of SQS: one file for each noun."""
