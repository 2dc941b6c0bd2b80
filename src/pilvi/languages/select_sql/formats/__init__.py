"""CSV and JSON as S3 Select reads and writes them: bytes to rows, records to text. No I/O."""
