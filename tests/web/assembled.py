"""The app's real parts, put together and served in a process of their own: what `process.py` starts."""

import os

from evolink_ui.settings import settings_or_exit


def main() -> None:
    """Serve until ended. Settings come from the environment, as for the app itself."""
    settings = settings_or_exit()
    os.environ.setdefault("GRADIO_TEMP_DIR", str((settings.data_dir / "uploads").absolute()))
    # Gradio reads its folders when it is imported.
    import uvicorn

    from evolink_ui.jobs import Jobs
    from evolink_ui.sandbox import create_sandbox
    from evolink_ui.ui.page import build_page, page_options
    from evolink_ui.web.server import create_app, uvicorn_options

    sandbox = create_sandbox(settings.data_dir / "sandbox", allow_private_urls=settings.allow_private_urls)
    jobs = Jobs(settings, sandbox=sandbox.app)
    jobs.launch()
    try:
        page = build_page(settings, jobs)
        uvicorn.run(create_app(settings, jobs, page, **page_options()), **uvicorn_options())
    finally:
        jobs.close()
        sandbox.close()


if __name__ == "__main__":
    main()
