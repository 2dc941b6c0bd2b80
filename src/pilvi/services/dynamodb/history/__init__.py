"""The history of a table: how its items were at any instant of a while past, for as long as somebody needs to know.

Nothing is imported here: what writes items imports `writing`, and what reads history imports the tables.
"""
