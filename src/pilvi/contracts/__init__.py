"""What two rooms or services must agree on: facts, deliveries and questions. No behaviour here."""
