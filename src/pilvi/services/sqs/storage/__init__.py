"""How the messages of a queue are stored: rows under the queue's own prefix."""
