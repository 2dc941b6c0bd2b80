"""Queries over objects, each in a process of its own.

Why a process: rows are evaluated in Python, and a thread that does so takes the interpreter from all other requests; a
file that is made to break a reader ends its query and nothing else; memory and time are bounded by the kernel; and who
goes away ends it at once, whatever it is doing.
"""
