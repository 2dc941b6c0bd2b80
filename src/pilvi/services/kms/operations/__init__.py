"""What is asked of KMS: one file for each noun."""
