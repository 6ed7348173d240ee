"""Starts the app: settings, jobs, page, web server. `python app.py`, then http://127.0.0.1:7860"""

from evolink_ui.app import serve
from evolink_ui.settings import settings_or_exit

if __name__ == "__main__":
    serve(settings_or_exit())
