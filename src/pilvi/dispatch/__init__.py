"""What happens later: durable jobs, deliveries, retries, timers, and the story of each request."""
