"""Groups of parameters, kept outside of programs: read by dot, reported on, and bred.

Nothing is imported here that a program which only reads and reports would have to wait for.
"""
