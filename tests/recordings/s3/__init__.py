"""What AWS's S3 answered when it was recorded, and the requests behind it, rebuilt from the names of the scenarios.

`answers.jsonl` has one recorded scenario a line: its name and, by label, what was answered. It is taken from the test
recordings of LocalStack (github.com/localstack/localstack, Copyright LocalStack contributors, Apache License 2.0).
"""
