"""What IAM and STS are asked, by noun."""
