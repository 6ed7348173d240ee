"""Databases as earlier versions of this app left them, as SQL text, each written by that version's own code.

`N-COMMIT.sqlite.sql` and `N-COMMIT.postgresql.sql` hold the N-th shape of the tables, from the first commit that had it
and could run: all of them called themselves version 1. Eight jobs of a visitor are in each, one of every kind of end.
`killed-COMMIT.*.sql` are the two SQLite files of an app that was killed while its paid order ran.
"""
