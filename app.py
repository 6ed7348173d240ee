"""Starts the app; a Hugging Face Space and `python app.py` begin here. Then open http://127.0.0.1:7860."""

from evolink_ui.serve import main

if __name__ == "__main__":
    main()
