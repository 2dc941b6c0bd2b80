"""What Lambda is asked, by noun."""
