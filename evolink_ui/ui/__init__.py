"""The page: layout in `page.py`, one file a tab, words in `text.py`, looks in `theme.py` and the style sheets."""
