"""What API Gateway is asked."""
