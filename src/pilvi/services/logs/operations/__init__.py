"""What CloudWatch Logs is asked, by noun."""
