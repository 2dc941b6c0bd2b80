"""DynamoDB's expressions: text in, compiled closures out. Pure functions; no store, no tables.

lexer -> parser (nodes) -> conditions | updates | projections | key_conditions (compiled) -> programs
(cached, with the placeholders of one request).
"""
